--liquibase formatted sql

--changeset outbox:0010-failing logicalFilePath:db/changelog/0010-failing.sql
alter table outbox.subscription
    add column failed_at timestamptz,
    add column failure text,
    add constraint subscription_failure_check check (num_nulls(failed_at, failure) in (0, 2));
comment on column outbox.subscription.failed_at is 'When a run last ended with an error; it is tried again at once, so it fails on if that was less than 30 s ago. Null if none did.';
comment on column outbox.subscription.failure is 'The error with which a run last ended.';
--rollback alter table outbox.subscription drop constraint subscription_failure_check, drop column failure, drop column failed_at;

--changeset outbox:0010-action-failures logicalFilePath:db/changelog/0010-failing.sql
alter table outbox.action add column failures integer not null default 0;
comment on column outbox.action.failures is 'How often the database failed while it was applied; the third time it is given up.';
--rollback alter table outbox.action drop column failures;

--changeset outbox:0010-action-cancelled logicalFilePath:db/changelog/0010-failing.sql
comment on column outbox.action.applied_at is 'When it took effect or was cancelled; null while it waits.';
comment on column outbox.action.applied_by is 'The instance that applied it, or who cancelled it.';
--rollback comment on column outbox.action.applied_at is 'When it took effect; null while it waits.';
--rollback comment on column outbox.action.applied_by is null;
