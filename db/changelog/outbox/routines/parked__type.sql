--liquibase formatted sql

--changeset outbox:parked__type logicalFilePath:db/changelog/routines/parked__type.sql runOnChange:true splitStatements:false stripComments:false
-- An instance of an older version, of a deployment that is under way, parks events by their keys alone: they get the type from the log.
create or replace function outbox.parked__type() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    new.aggregate_type := coalesce((select e.aggregate_type from outbox.event e where e.id = new.event_id), '');
    return new;
end
$$;
revoke execute on function outbox.parked__type() from public;
--rollback drop function outbox.parked__type();
