--liquibase formatted sql

--changeset outbox:0003-event-ring logicalFilePath:db/changelog/0003-triggers.sql
create trigger ring after insert on outbox.event
    for each statement execute function outbox.event__ring();
--rollback drop trigger ring on outbox.event;
