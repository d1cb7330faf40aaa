--liquibase formatted sql

--changeset outbox:0004-parked logicalFilePath:db/changelog/0004-failures.sql
create table outbox.parked (
    subscription text not null,
    event_id bigint not null,
    key text not null,
    state text not null,
    attempts integer not null,
    next_attempt_at timestamptz,
    error text,
    replayed boolean not null default false,
    parked_at timestamptz not null default clock_timestamp(),
    attempted_at timestamptz,
    constraint parked_pkey primary key (subscription, event_id),
    constraint parked_subscription_fkey foreign key (subscription) references outbox.subscription (name),
    constraint parked_state_check check (state in ('retrying', 'blocked', 'dead')),
    constraint parked_next_attempt_at_check check ((state = 'retrying') = (next_attempt_at is not null)),
    constraint parked_attempts_check check (attempts >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index parked_subscription_key_event_id_idx on outbox.parked (subscription, key, event_id);
comment on table outbox.parked is 'The events that a subscription''s position has passed although they are not done: those that failed, and those that wait behind one. A row goes when its event is done.';
comment on column outbox.parked.key is 'The key of the event: within it events are delivered in order of id. For a subscription without order, the id.';
comment on column outbox.parked.state is 'retrying: tried again at next_attempt_at; blocked: waits behind an earlier one of its key; dead: given up, waits for somebody to decide.';
comment on column outbox.parked.attempts is 'How often it was tried.';
comment on column outbox.parked.error is 'How the last attempt ended.';
comment on column outbox.parked.replayed is 'It was asked for again, so its handler may have had it before.';
--rollback drop table outbox.parked;

--changeset outbox:0004-subscription logicalFilePath:db/changelog/0004-failures.sql
alter table outbox.subscription
    add column paused_at timestamptz,
    add column paused_by text,
    add column pause_reason text,
    add column circuit_opened_at timestamptz,
    add column circuit_error text,
    add column replayed_through bigint not null default 0,
    add column replay_rate integer,
    add constraint subscription_paused_check check (num_nulls(paused_at, paused_by) in (0, 2)),
    add constraint subscription_circuit_check check (num_nulls(circuit_opened_at, circuit_error) in (0, 2)),
    add constraint subscription_replay_rate_check check (replay_rate > 0);
comment on column outbox.subscription.paused_at is 'Since when nothing is delivered because somebody said so; null if it is active.';
comment on column outbox.subscription.circuit_opened_at is 'Since when nothing but a probe is delivered, because different keys failed one after the other; null if the circuit is closed.';
comment on column outbox.subscription.circuit_error is 'The failure that opened the circuit.';
comment on column outbox.subscription.replayed_through is 'Events up to this id were asked for again: until the position passes it they are marked as replayed.';
comment on column outbox.subscription.replay_rate is 'Events per second while a replay goes on; null for no limit.';
--rollback alter table outbox.subscription drop column paused_at, drop column paused_by, drop column pause_reason, drop column circuit_opened_at, drop column circuit_error, drop column replayed_through, drop column replay_rate;

--changeset outbox:0004-action logicalFilePath:db/changelog/0004-failures.sql
create table outbox.action (
    id bigint generated always as identity,
    subscription text not null,
    name text not null,
    arguments jsonb not null,
    reason text,
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    idempotency_key text,
    applied_at timestamptz,
    applied_by text,
    result jsonb,
    constraint action_pkey primary key (id),
    constraint action_idempotency_key_key unique (idempotency_key),
    constraint action_subscription_fkey foreign key (subscription) references outbox.subscription (name),
    constraint action_name_check check (name in ('pause', 'resume', 'replay', 'retry', 'discard')),
    constraint action_applied_check check (num_nulls(applied_at, applied_by, result) in (0, 3))
);
create index action_subscription_waiting_idx on outbox.action (subscription, id) where applied_at is null;
create index action_subscription_id_idx on outbox.action (subscription, id);
comment on table outbox.action is 'What operators asked for, and what came of it. The leader of the subscription applies it between two runs, in one transaction with a checkpoint; rows stay.';
comment on column outbox.action.requested_by is 'Who asked, as the call said.';
comment on column outbox.action.idempotency_key is 'A repeated call with the same key is the same action.';
comment on column outbox.action.applied_at is 'When it took effect; null while it waits.';
comment on column outbox.action.result is 'What it did, such as how many events.';
--rollback drop table outbox.action;
