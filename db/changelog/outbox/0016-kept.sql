--liquibase formatted sql

--changeset outbox:0016-parked-kept logicalFilePath:db/changelog/0016-kept.sql
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

--changeset outbox:0016-parked-dead logicalFilePath:db/changelog/0016-kept.sql
create index parked_subscription_key_idx on outbox.parked (subscription, key) where state = 'dead';
comment on column outbox.subscription.parked_full_at is 'Since when it reads no further because a million keys wait for something to be tried again; null while it reads.';
--rollback drop index outbox.parked_subscription_key_idx;
--rollback comment on column outbox.subscription.parked_full_at is 'Since when it reads no further because a million keys are parked; null while it reads.';
