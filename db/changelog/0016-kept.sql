--liquibase formatted sql

--changeset outbox:0016-parked-kept
alter table outbox.parked
    add column type text,
    add column occurred_at timestamptz,
    add column payload jsonb,
    add column headers jsonb,
    add constraint parked_kept_check check (num_nulls(type, occurred_at, payload) in (0, 3));
create index parked_event_id_idx on outbox.parked (event_id) where occurred_at is null;
comment on column outbox.parked.occurred_at is 'Of the event. This, type, payload and headers are null until retention empties the partition of the event; then they are what the log had.';
--rollback drop index outbox.parked_event_id_idx;
--rollback alter table outbox.parked drop constraint parked_kept_check, drop column headers, drop column payload, drop column occurred_at, drop column type;
