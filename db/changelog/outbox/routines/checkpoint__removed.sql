--liquibase formatted sql

--changeset outbox:checkpoint__removed logicalFilePath:db/changelog/routines/checkpoint__removed.sql runOnChange:true splitStatements:false stripComments:false
-- Keeps the highest generation of each name that is removed, by a trim, by an operator or by TRUNCATE: the next first checkpoint of
-- that name goes on behind it, so that what a stale leader remembers is never a place to store on again.
--
-- TRUNCATE asks its table, which nobody else writes any more; a snapshot that is older than that lock would not do.
create or replace function outbox.checkpoint__removed() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'DELETE' then
        insert into outbox.generation as kept (subscription, last)
        select subscription, max(generation) from removed group by subscription order by subscription
        on conflict (subscription) do update set last = greatest(kept.last, excluded.last);
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'outbox.checkpoint can be truncated in READ COMMITTED only';
    end if;
    insert into outbox.generation as kept (subscription, last)
    select subscription, max(generation) from outbox.checkpoint group by subscription order by subscription
    on conflict (subscription) do update set last = greatest(kept.last, excluded.last);
    return null;
end
$$;
revoke execute on function outbox.checkpoint__removed() from public;
--rollback drop function outbox.checkpoint__removed();
