--liquibase formatted sql

--changeset outbox:event__publish logicalFilePath:db/changelog/routines/event__publish.sql runOnChange:true splitStatements:false stripComments:false
-- For roles that write events of their own: they need usage of the schema and execute of this, and no right on a table.
create or replace function outbox.publish(
    aggregate_type text, aggregate_id text, type text, payload jsonb, headers jsonb default null) returns bigint
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    insert into outbox.event (aggregate_type, aggregate_id, type, payload, headers)
    values (aggregate_type, aggregate_id, type, payload, headers)
    returning id
$$;
comment on function outbox.publish(text, text, text, jsonb, jsonb) is 'Writes an event in the transaction of the caller, and returns its id. Events of one aggregate_id are delivered in order.';
revoke execute on function outbox.publish(text, text, text, jsonb, jsonb) from public;
--rollback drop function outbox.publish(text, text, text, jsonb, jsonb);
