--liquibase formatted sql

--changeset outbox:faults-next runAlways:true
alter table outbox.event add column if not exists note_${round} text;
alter table orders add column if not exists note_${round} text;
create index if not exists charges_note_${round}_idx on charges (created_at);
--rollback empty
