--liquibase formatted sql

--changeset outbox:orders__capture logicalFilePath:db/changelog/routines/orders__capture.sql runOnChange:true splitStatements:false stripComments:false
-- Writes what happened to an order into the log, in the transaction of the change and under the lock of the order's row,
-- so that for one order the order of events is the order of commits.
--
-- Its triggers are deferred to the commit: the items of a new order are there by then, however many statements wrote it.
-- An order that is inserted with another status than created makes two events, as if it had been changed at once.
create or replace function orders__capture() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    item_ids jsonb := (select coalesce(jsonb_agg(item_id order by item_id), '[]')
                       from public.order_items where order_id = new.id);
    changed_at text := to_char(new.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
begin
    if tg_op = 'DELETE' then
        insert into outbox.event (aggregate_type, aggregate_id, type, payload)
        values ('order', old.id, 'order.deleted', jsonb_build_object(
            'orderId', old.id, 'clientId', old.client_id, 'status', null, 'previousStatus', old.status,
            'version', old.version + 1, 'itemIds', '[]'::jsonb,
            'changedAt', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
        return null;
    end if;
    if tg_op = 'INSERT' then
        insert into outbox.event (aggregate_type, aggregate_id, type, payload)
        values ('order', new.id, 'order.created', jsonb_build_object(
            'orderId', new.id, 'clientId', new.client_id, 'status', 'created', 'previousStatus', null,
            'version', new.version, 'itemIds', item_ids, 'changedAt', changed_at));
    end if;
    if tg_op = 'UPDATE' or new.status <> 'created' then
        insert into outbox.event (aggregate_type, aggregate_id, type, payload)
        values ('order', new.id,
            case new.status
                when 'created' then 'order.reopened'
                when 'backorder' then 'order.backordered'
                else 'order.' || new.status
            end,
            jsonb_build_object(
                'orderId', new.id, 'clientId', new.client_id, 'status', new.status,
                'previousStatus', case tg_op when 'UPDATE' then old.status else 'created' end,
                'version', new.version, 'itemIds', item_ids, 'changedAt', changed_at));
    end if;
    return null;
end
$$;
-- Whoever may execute it could hang it on a table of his own, and forge events.
revoke execute on function orders__capture() from public;
--rollback drop function orders__capture();
