--liquibase formatted sql

--changeset outbox:0002-schema logicalFilePath:db/changelog/0002-outbox.sql
create schema outbox;
comment on schema outbox is 'The event log and what its readers have done. Writers of business tables need no right here: triggers write for them.';
--rollback drop schema outbox;

--changeset outbox:0002-event logicalFilePath:db/changelog/0002-outbox.sql
create sequence outbox.event_id_seq cache 1;

create table outbox.event (
    -- tx stands before id: defaults are evaluated in this order, so a transaction has its xid before it draws an id.
    tx xid8 not null default pg_current_xact_id(),
    id bigint not null default nextval('outbox.event_id_seq'),
    occurred_at timestamptz not null default clock_timestamp(),
    aggregate_type text not null,
    aggregate_id text not null,
    type text not null,
    payload jsonb not null,
    headers jsonb,
    constraint event_pkey primary key (id)
) partition by range (id);
alter sequence outbox.event_id_seq owned by outbox.event.id;
create index event_tx_id_idx on outbox.event (tx, id);
create index event_aggregate_idx on outbox.event (aggregate_type, aggregate_id, id);
comment on table outbox.event is 'The log: what happened, appended by triggers in the transaction of the change; never updated.';
comment on column outbox.event.tx is 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';
comment on column outbox.event.id is 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';
comment on column outbox.event.occurred_at is 'When the trigger ran.';
comment on column outbox.event.aggregate_type is 'What kind of thing changed, such as order.';
comment on column outbox.event.aggregate_id is 'The key: which one changed. Events of one key are delivered in order.';
comment on column outbox.event.type is 'What happened, such as order.shipped.';
comment on column outbox.event.headers is 'What travels beside the payload; null if nothing does.';

create table outbox.event_0 partition of outbox.event for values from (minvalue) to (10000001);
create table outbox.event_default partition of outbox.event default;
comment on table outbox.event_0 is 'The first ten million events.';
comment on table outbox.event_default is 'Events beyond the last partition that was made.';
--rollback drop table outbox.event;

--changeset outbox:0002-subscription logicalFilePath:db/changelog/0002-outbox.sql
create table outbox.subscription (
    name text not null,
    kind text not null,
    types text[] not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint subscription_pkey primary key (name),
    constraint subscription_name_check check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
    constraint subscription_kind_check check (kind in ('handler', 'transactional'))
);
comment on table outbox.subscription is 'A named, durable reader of the log.';
comment on column outbox.subscription.kind is 'handler: at least once, effects outside; transactional: effects and checkpoint commit together.';
comment on column outbox.subscription.types is 'The event types it wants; empty for all.';
--rollback drop table outbox.subscription;

--changeset outbox:0002-checkpoint logicalFilePath:db/changelog/0002-outbox.sql
create table outbox.checkpoint (
    subscription text not null,
    generation bigint not null,
    done pg_snapshot not null,
    barrier xid8 not null,
    high bigint not null,
    target pg_snapshot,
    target_barrier xid8,
    target_high bigint,
    last bigint not null,
    system_identifier bigint not null,
    instance text not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint checkpoint_pkey primary key (subscription, generation),
    constraint checkpoint_subscription_fkey foreign key (subscription) references outbox.subscription (name),
    constraint checkpoint_generation_check check (generation >= 0),
    constraint checkpoint_target_check check (num_nulls(target, target_barrier, target_high) in (0, 3))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
comment on table outbox.checkpoint is 'What a subscription has done: appended, never updated. The highest generation counts; its primary key is the fence that a stale leader runs into.';
comment on column outbox.checkpoint.done is 'Every event that is visible in this snapshot is done.';
comment on column outbox.checkpoint.barrier is 'An xid drawn after done was taken: its transaction and all later ones have ids above high.';
comment on column outbox.checkpoint.high is 'The highest id that is visible in done.';
comment on column outbox.checkpoint.target is 'The window that is being read: visible in target, not in done, in order of id. Null at the tail.';
comment on column outbox.checkpoint.target_high is 'The highest id that is visible in target.';
comment on column outbox.checkpoint.last is 'In the window, events up to this id are done.';
comment on column outbox.checkpoint.system_identifier is 'The cluster that the snapshots belong to.';
comment on column outbox.checkpoint.instance is 'Who wrote it.';
--rollback drop table outbox.checkpoint;

--changeset outbox:0002-rights logicalFilePath:db/changelog/0002-outbox.sql
revoke all on schema outbox from public;
--rollback empty
