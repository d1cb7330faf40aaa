--liquibase formatted sql

--changeset outbox:event__refuse logicalFilePath:db/changelog/routines/event__refuse.sql runOnChange:true splitStatements:false stripComments:false
-- Refuses a row that can't be an event. An id that was not drawn from the sequence would hide all later events from readers, who go by the
-- highest id. A foreign tx would hide the event itself. What is larger than 16 MB no reader may have room for.
--
-- The condition is here and not the trigger's: PostgreSQL reads a trigger's condition anew from the catalog for each statement, which costs a
-- capture that inserts one row far more than this call, whose plan is kept.
create or replace function outbox.event__refuse() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.tx <> pg_current_xact_id()
        or new.id > coalesce(pg_sequence_last_value('outbox.event_id_seq'), 0)
        or pg_column_size(new.payload) > 16777216
        or pg_column_size(new.headers) > 16777216
        or octet_length(new.aggregate_type) > 1000
        or octet_length(new.aggregate_id) > 1000
        or octet_length(new.type) > 1000
    then
        if new.tx <> pg_current_xact_id() or new.id > coalesce(pg_sequence_last_value('outbox.event_id_seq'), 0) then
            raise exception 'tx and id of an event are not for the writer to set'
                using errcode = 'check_violation', constraint = 'event_defaults',
                    hint = 'Leave them out, or call outbox.publish.';
        end if;
        raise exception 'The event is too large'
            using errcode = 'check_violation', constraint = 'event_size',
                hint = 'At most 16 MB of payload and headers, and 1,000 bytes each of aggregate_type, aggregate_id and type.';
    end if;
    return new;
end
$$;
revoke execute on function outbox.event__refuse() from public;
--rollback drop function outbox.event__refuse();
