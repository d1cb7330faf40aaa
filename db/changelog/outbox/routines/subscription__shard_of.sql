--liquibase formatted sql

--changeset outbox:subscription__shard_of logicalFilePath:db/changelog/routines/subscription__shard_of.sql runOnChange:true splitStatements:false stripComments:false
-- In which of the shards of a subscription's handler the events of an aggregate are. Shards of a version before, which are named
-- 2of4 and not 2-of-4, went by the key alone.
-- Without SET, so that queries inline it.
create or replace function outbox.shard_of(subscription text, shards integer, aggregate_type text, aggregate_id text) returns integer
    language sql stable parallel safe
as $$
    select case
        when shards = 1 then 1
        when subscription ~ '\.\d+of\d+$' then outbox.shard(aggregate_id, shards)
        else outbox.shard(aggregate_type, aggregate_id, shards)
    end
$$;
revoke execute on function outbox.shard_of(text, integer, text, text) from public;
--rollback drop function outbox.shard_of(text, integer, text, text);
