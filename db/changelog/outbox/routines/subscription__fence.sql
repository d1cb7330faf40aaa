--liquibase formatted sql

--changeset outbox:subscription__fence logicalFilePath:db/changelog/routines/subscription__fence.sql runOnChange:true splitStatements:false stripComments:false
-- An instance of a version that split handlers by the key alone would take over the shards of a later one: what one of both passes as
-- another shard's could be passed by that one as done.
create or replace function outbox.subscription__fence() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'The handler % is run in shards by type and key, which this version does not know', split_part(new.name, '.', 1)
        using errcode = 'check_violation', constraint = 'subscription_shards_by_key',
            hint = 'Run it with the later version, or with one that splits it by type and key.';
end
$$;
revoke execute on function outbox.subscription__fence() from public;
--rollback drop function outbox.subscription__fence();
