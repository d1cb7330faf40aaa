--liquibase formatted sql

--changeset outbox:event__shard logicalFilePath:db/changelog/routines/event__shard.sql runOnChange:true splitStatements:false stripComments:false
-- Which of so many shards the events of a key belonged to, from 1, when a shard was a part of the keys whatever they were keys of: for
-- instances of a version before, and for what they have left behind.
-- Without SET, so that queries inline it.
create or replace function outbox.shard(key text, shards integer) returns integer
    language sql stable parallel safe
as $$
    select 1 + (pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(key, 'UTF8')), 0) * 256
        + pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(key, 'UTF8')), 1)) % shards
$$;
--rollback drop function outbox.shard(text, integer);
