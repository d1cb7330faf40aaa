--liquibase formatted sql

--changeset outbox:checkpoint__renamed logicalFilePath:db/changelog/routines/checkpoint__renamed.sql runOnChange:true splitStatements:false stripComments:false
-- The service never updates a checkpoint. An operator who renames a subscription does: the old name keeps its highest generation, as
-- if it had been removed, and the new one must not get a generation that it has had, nor a gap.
create or replace function outbox.checkpoint__renamed() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    gone text[];
    taken text;
begin
    select array_agg(distinct subscription) into gone
    from (select subscription, generation from previous except select subscription, generation from changed) g;
    if gone is null then
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'Checkpoints can be renamed in READ COMMITTED only';
    end if;
    lock table outbox.checkpoint in share row exclusive mode; -- whoever is appending has done so, or waits for this transaction

    insert into outbox.generation as kept (subscription, last)
    select subscription, max(generation)
    from (select subscription, generation from previous except select subscription, generation from changed) g
    group by subscription
    order by subscription
    on conflict (subscription) do update set last = greatest(kept.last, excluded.last);

    select subscription into taken
    from (select subscription, generation from changed except select subscription, generation from previous) c
    join outbox.generation kept using (subscription)
    where generation <= kept.last
    limit 1;
    if taken is null then
        select c.subscription into taken
        from outbox.checkpoint c
        where c.subscription in (select subscription from changed)
        group by c.subscription
        having max(c.generation) - min(c.generation) + 1 <> count(*)
        limit 1;
    end if;
    if taken is not null then
        raise exception '% has had checkpoints of its own', taken
            using errcode = 'unique_violation',
                hint = 'Delete its checkpoints, and add to each generation more than its last in outbox.generation.';
    end if;
    return null;
end
$$;
revoke execute on function outbox.checkpoint__renamed() from public;
--rollback drop function outbox.checkpoint__renamed();
