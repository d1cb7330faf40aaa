--liquibase formatted sql

--changeset outbox:0009-parked-key logicalFilePath:db/changelog/0009-parked.sql
comment on column outbox.parked.key is 'The key of the event: within it events are delivered in order of id, unless the subscription is without order.';
update outbox.parked p set key = e.aggregate_id from outbox.event e
where p.key = p.event_id::text and e.id = p.event_id and e.aggregate_id <> p.key;
--rollback comment on column outbox.parked.key is 'The key of the event: within it events are delivered in order of id. For a subscription without order, the id.';

--changeset outbox:0009-parked-discarded logicalFilePath:db/changelog/0009-parked.sql
alter table outbox.parked
    drop constraint parked_state_check,
    add constraint parked_state_check check (state in ('retrying', 'blocked', 'dead', 'discarded'));
comment on column outbox.parked.state is 'retrying: tried again at next_attempt_at; blocked: waits behind an earlier one of its key; dead: given up, waits for somebody to decide; discarded: by an operator before the position had passed it, goes when it passes.';
--rollback delete from outbox.parked where state = 'discarded';
--rollback alter table outbox.parked drop constraint parked_state_check, add constraint parked_state_check check (state in ('retrying', 'blocked', 'dead'));
--rollback comment on column outbox.parked.state is 'retrying: tried again at next_attempt_at; blocked: waits behind an earlier one of its key; dead: given up, waits for somebody to decide.';

--changeset outbox:0009-parked-full logicalFilePath:db/changelog/0009-parked.sql
alter table outbox.subscription add column parked_full_at timestamptz;
comment on column outbox.subscription.parked_full_at is 'Since when it reads no further because a million keys are parked; null while it reads.';
--rollback alter table outbox.subscription drop column parked_full_at;
