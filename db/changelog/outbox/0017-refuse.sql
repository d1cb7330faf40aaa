--liquibase formatted sql

--changeset outbox:0017-event-refuse logicalFilePath:db/changelog/0017-refuse.sql
-- Without a condition: the function has it.
create or replace trigger refuse before insert on outbox.event
    for each row execute function outbox.event__refuse();
--rollback create or replace trigger refuse before insert on outbox.event
--rollback     for each row when (
--rollback         new.tx <> pg_current_xact_id()
--rollback         or new.id > coalesce(pg_sequence_last_value('outbox.event_id_seq'), 0)
--rollback         or pg_column_size(new.payload) > 16777216
--rollback         or pg_column_size(new.headers) > 16777216
--rollback         or octet_length(new.aggregate_type) > 1000
--rollback         or octet_length(new.aggregate_id) > 1000
--rollback         or octet_length(new.type) > 1000)
--rollback     execute function outbox.event__refuse();
