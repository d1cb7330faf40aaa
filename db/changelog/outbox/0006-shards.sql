--liquibase formatted sql

--changeset outbox:0006-shards logicalFilePath:db/changelog/0006-shards.sql
alter table outbox.subscription
    drop constraint subscription_name_check,
    add constraint subscription_name_check check (name ~ '^[a-z][a-z0-9-]{0,62}(\.[0-9]{1,2}of[0-9]{1,2})?$'),
    add column handler text not null generated always as (split_part(name, '.', 1)) stored,
    add column shard integer not null generated always as (coalesce(substring(name from '\.(\d+)of\d+$')::integer, 1)) stored,
    add column shards integer not null generated always as (coalesce(substring(name from '\.\d+of(\d+)$')::integer, 1)) stored,
    add column retired_at timestamptz,
    add constraint subscription_shard_check check (shard between 1 and shards);
create index subscription_handler_idx on outbox.subscription (handler);
comment on column outbox.subscription.name is 'Of the handler; of one that is split with the shard, such as mail.2of4.';
comment on column outbox.subscription.handler is 'Whose it is: all shards of a handler have the same.';
comment on column outbox.subscription.shard is 'Which part of the keys it has, from 1: outbox.shard(key, shards).';
comment on column outbox.subscription.shards is 'Into how many the handler is split.';
comment on column outbox.subscription.retired_at is 'Since when others do what it did, because its handler was split into another number; null if it is in force.';
--rollback drop index outbox.subscription_handler_idx;
--rollback alter table outbox.subscription drop constraint subscription_shard_check, drop column retired_at, drop column shards, drop column shard, drop column handler;
--rollback alter table outbox.subscription drop constraint subscription_name_check, add constraint subscription_name_check check (name ~ '^[a-z][a-z0-9-]{0,62}$');
