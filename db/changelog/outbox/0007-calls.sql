--liquibase formatted sql

--changeset outbox:0007-call-tell logicalFilePath:db/changelog/0007-calls.sql
create trigger tell after insert on outbox.action
    for each statement execute function outbox.call__tell();
create trigger tell after update of paused_at on outbox.subscription
    for each row when (old.paused_at is distinct from new.paused_at) execute function outbox.call__tell();
--rollback drop trigger tell on outbox.subscription; drop trigger tell on outbox.action;
