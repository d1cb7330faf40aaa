--liquibase formatted sql

--changeset outbox:event__shard_of_aggregate logicalFilePath:db/changelog/routines/event__shard_of_aggregate.sql runOnChange:true splitStatements:false stripComments:false
-- Which of so many shards the events of an aggregate belong to, from 1. It must never answer anything else for the same one: an event
-- would be passed by one shard as another's, and by that one as done. So it goes by the characters alone, not by a hash of
-- PostgreSQL's that another version, machine or encoding may compute otherwise.
-- Without SET, so that queries inline it.
create or replace function outbox.shard(aggregate_type text, aggregate_id text, shards integer) returns integer
    language sql stable parallel safe
as $$
    select 1 + (pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(aggregate_type || '/' || aggregate_id, 'UTF8')), 0) * 256
        + pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(aggregate_type || '/' || aggregate_id, 'UTF8')), 1)) % shards
$$;
revoke execute on function outbox.shard(text, text, integer) from public;
--rollback drop function outbox.shard(text, text, integer);
