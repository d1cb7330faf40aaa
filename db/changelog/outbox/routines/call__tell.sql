--liquibase formatted sql

--changeset outbox:call__tell logicalFilePath:db/changelog/routines/call__tell.sql runOnChange:true splitStatements:false stripComments:false
-- Tells all instances, at the commit, that an operator calls, so that none need ask for that all the time.
--
-- Silent while the queue of notifications is half full, since a full queue fails the call; an instance looks every few seconds as well.
create or replace function outbox.call__tell() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify('outbox_change', '');
    end if;
    return null;
end
$$;
--rollback drop function outbox.call__tell();
