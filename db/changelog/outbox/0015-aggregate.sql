--liquibase formatted sql

--changeset outbox:0015-parked-type logicalFilePath:db/changelog/0015-aggregate.sql
alter table outbox.parked add column aggregate_type text;
update outbox.parked p set aggregate_type = e.aggregate_type from outbox.event e where e.id = p.event_id;
update outbox.parked set aggregate_type = '' where aggregate_type is null;
alter table outbox.parked alter column aggregate_type set not null;
create trigger type before insert on outbox.parked for each row when (new.aggregate_type is null) execute function outbox.parked__type();
comment on column outbox.parked.aggregate_type is 'With the key, what events are ordered by: an order and a parcel may have the same key. Empty if the event was gone when this column was added.';
--rollback drop trigger type on outbox.parked;
--rollback alter table outbox.parked drop column aggregate_type;

--changeset outbox:0015-shards logicalFilePath:db/changelog/0015-aggregate.sql
alter table outbox.subscription
    drop constraint subscription_shard_check,
    drop constraint subscription_name_check,
    drop column shard,
    drop column shards;
alter table outbox.subscription
    add column shard integer not null generated always as (coalesce(substring(name from '\.(\d+)-?of-?\d+$')::integer, 1)) stored,
    add column shards integer not null generated always as (coalesce(substring(name from '\.\d+-?of-?(\d+)$')::integer, 1)) stored,
    add constraint subscription_name_check check (name ~ '^[a-z][a-z0-9-]{0,62}(\.[0-9]{1,2}(of|-of-)[0-9]{1,2})?$'),
    add constraint subscription_shard_check check (shard between 1 and shards);
comment on column outbox.subscription.name is 'Of the handler; of one that is split with the shard, such as mail.2-of-4. One such as mail.2of4 is of a version before, which split by the key alone.';
comment on column outbox.subscription.shard is 'Which part of the aggregates it has, from 1: outbox.shard(aggregate_type, aggregate_id, shards).';
comment on column outbox.subscription.shards is 'Into how many the handler is split.';
--rollback alter table outbox.subscription drop constraint subscription_shard_check, drop constraint subscription_name_check, drop column shard, drop column shards;
--rollback alter table outbox.subscription add column shard integer not null generated always as (coalesce(substring(name from '\.(\d+)of\d+$')::integer, 1)) stored, add column shards integer not null generated always as (coalesce(substring(name from '\.\d+of(\d+)$')::integer, 1)) stored, add constraint subscription_name_check check (name ~ '^[a-z][a-z0-9-]{0,62}(\.[0-9]{1,2}(of|-of-)[0-9]{1,2})?$'), add constraint subscription_shard_check check (shard between 1 and shards);
--rollback comment on column outbox.subscription.name is 'Of the handler; of one that is split with the shard, such as mail.2of4.';
--rollback comment on column outbox.subscription.shard is 'Which part of the keys it has, from 1: outbox.shard(key, shards).';
--rollback comment on column outbox.subscription.shards is 'Into how many the handler is split.';

--changeset outbox:0015-fence logicalFilePath:db/changelog/0015-aggregate.sql
create trigger fence before insert or update of retired_at on outbox.subscription
    for each row when (new.retired_at is null and new.name ~ '\.\d+of\d+$') execute function outbox.subscription__fence();
--rollback drop trigger fence on outbox.subscription;
