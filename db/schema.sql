-- The sum of db/changelog, for readers: generated, never run by the application. It is renewed by
--   mvn verify -Dit.test=SchemaIntegrationTests -Doutbox.schema.write=true

CREATE SCHEMA outbox;
COMMENT ON SCHEMA outbox IS 'The event log and what its readers have done. Writers of business tables need no right here: triggers write for them.';

CREATE SEQUENCE outbox.event_id_seq AS bigint START 1 INCREMENT 1 CACHE 1;

CREATE TABLE outbox.event (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb,
    CONSTRAINT event_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX event_aggregate_idx ON outbox.event USING btree (aggregate_type, aggregate_id, id);
CREATE INDEX event_tx_id_idx ON outbox.event USING btree (tx, id);
ALTER SEQUENCE outbox.event_id_seq OWNED BY outbox.event.id;
COMMENT ON TABLE outbox.event IS 'The log: what happened, appended by triggers in the transaction of the change; never updated.';
COMMENT ON COLUMN outbox.event.tx IS 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';
COMMENT ON COLUMN outbox.event.id IS 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';
COMMENT ON COLUMN outbox.event.occurred_at IS 'When the trigger ran.';
COMMENT ON COLUMN outbox.event.aggregate_type IS 'What kind of thing changed, such as order.';
COMMENT ON COLUMN outbox.event.aggregate_id IS 'The key: which one changed. Events of one key are delivered in order.';
COMMENT ON COLUMN outbox.event.type IS 'What happened, such as order.shipped.';
COMMENT ON COLUMN outbox.event.headers IS 'What travels beside the payload; null if nothing does.';

CREATE TABLE outbox.event_0 PARTITION OF outbox.event FOR VALUES FROM (MINVALUE) TO ('10000001');
COMMENT ON TABLE outbox.event_0 IS 'The first ten million events.';

CREATE TABLE outbox.event_default PARTITION OF outbox.event DEFAULT;
COMMENT ON TABLE outbox.event_default IS 'Events beyond the last partition that was made; empty in normal life.';

CREATE TABLE outbox.subscription (
    name text NOT NULL,
    kind text NOT NULL,
    types text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    pause_reason text,
    circuit_opened_at timestamp with time zone,
    circuit_error text,
    replayed_through bigint DEFAULT 0 NOT NULL,
    replay_rate integer,
    handler text GENERATED ALWAYS AS (split_part(name, '.'::text, 1)) STORED NOT NULL,
    retired_at timestamp with time zone,
    parked_full_at timestamp with time zone,
    failed_at timestamp with time zone,
    failure text,
    shard integer GENERATED ALWAYS AS (COALESCE(("substring"(name, '\.(\d+)-?of-?\d+$'::text))::integer, 1)) STORED NOT NULL,
    shards integer GENERATED ALWAYS AS (COALESCE(("substring"(name, '\.\d+-?of-?(\d+)$'::text))::integer, 1)) STORED NOT NULL,
    CONSTRAINT subscription_pkey PRIMARY KEY (name),
    CONSTRAINT subscription_circuit_check CHECK ((num_nulls(circuit_opened_at, circuit_error) = ANY (ARRAY[0, 2]))),
    CONSTRAINT subscription_failure_check CHECK ((num_nulls(failed_at, failure) = ANY (ARRAY[0, 2]))),
    CONSTRAINT subscription_kind_check CHECK ((kind = ANY (ARRAY['handler'::text, 'transactional'::text]))),
    CONSTRAINT subscription_name_check CHECK ((name ~ '^[a-z][a-z0-9-]{0,62}(\.[0-9]{1,2}(of|-of-)[0-9]{1,2})?$'::text)),
    CONSTRAINT subscription_paused_check CHECK ((num_nulls(paused_at, paused_by) = ANY (ARRAY[0, 2]))),
    CONSTRAINT subscription_replay_rate_check CHECK ((replay_rate > 0)),
    CONSTRAINT subscription_shard_check CHECK (((shard >= 1) AND (shard <= shards)))
);
CREATE INDEX subscription_handler_idx ON outbox.subscription USING btree (handler);
COMMENT ON TABLE outbox.subscription IS 'A named, durable reader of the log.';
COMMENT ON COLUMN outbox.subscription.name IS 'Of the handler; of one that is split with the shard, such as mail.2-of-4. One such as mail.2of4 is of a version before, which split by the key alone.';
COMMENT ON COLUMN outbox.subscription.kind IS 'handler: at least once, effects outside; transactional: effects and checkpoint commit together.';
COMMENT ON COLUMN outbox.subscription.types IS 'The event types it wants; empty for all.';
COMMENT ON COLUMN outbox.subscription.paused_at IS 'Since when nothing is delivered because somebody said so; null if it is active.';
COMMENT ON COLUMN outbox.subscription.circuit_opened_at IS 'Since when nothing but a probe is delivered, because different keys failed one after the other; null if the circuit is closed.';
COMMENT ON COLUMN outbox.subscription.circuit_error IS 'The failure that opened the circuit.';
COMMENT ON COLUMN outbox.subscription.replayed_through IS 'Events up to this id were asked for again: until the position passes it they are marked as replayed.';
COMMENT ON COLUMN outbox.subscription.replay_rate IS 'Events per second while a replay goes on; null for no limit.';
COMMENT ON COLUMN outbox.subscription.handler IS 'Whose it is: all shards of a handler have the same.';
COMMENT ON COLUMN outbox.subscription.retired_at IS 'Since when others do what it did, because its handler was split into another number; null if it is in force.';
COMMENT ON COLUMN outbox.subscription.parked_full_at IS 'Since when it reads no further because a million keys wait for something to be tried again; null while it reads.';
COMMENT ON COLUMN outbox.subscription.failed_at IS 'When a run last ended with an error; it is tried again at once, so it fails on if that was less than 30 s ago. Null if none did.';
COMMENT ON COLUMN outbox.subscription.failure IS 'The error with which a run last ended.';
COMMENT ON COLUMN outbox.subscription.shard IS 'Which part of the aggregates it has, from 1: outbox.shard(aggregate_type, aggregate_id, shards).';
COMMENT ON COLUMN outbox.subscription.shards IS 'Into how many the handler is split.';

CREATE TABLE outbox.checkpoint (
    subscription text NOT NULL,
    generation bigint NOT NULL,
    done pg_snapshot NOT NULL,
    barrier xid8 NOT NULL,
    high bigint NOT NULL,
    target pg_snapshot,
    target_barrier xid8,
    target_high bigint,
    last bigint NOT NULL,
    system_identifier bigint NOT NULL,
    instance text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (subscription, generation),
    CONSTRAINT checkpoint_subscription_fkey FOREIGN KEY (subscription) REFERENCES outbox.subscription(name),
    CONSTRAINT checkpoint_generation_check CHECK ((generation >= 0)),
    CONSTRAINT checkpoint_target_check CHECK ((num_nulls(target, target_barrier, target_high) = ANY (ARRAY[0, 3])))
) WITH (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);
COMMENT ON TABLE outbox.checkpoint IS 'What a subscription has done: appended, never updated. The highest generation counts. One is stored only on top of the one before it, which has to be there and the last: that is the fence that a stale leader runs into.';
COMMENT ON COLUMN outbox.checkpoint.done IS 'Every event that is visible in this snapshot is done.';
COMMENT ON COLUMN outbox.checkpoint.barrier IS 'An xid drawn after done was taken: its transaction and all later ones have ids above high.';
COMMENT ON COLUMN outbox.checkpoint.high IS 'The highest id that is visible in done.';
COMMENT ON COLUMN outbox.checkpoint.target IS 'The window that is being read: visible in target, not in done, in order of id. Null at the tail.';
COMMENT ON COLUMN outbox.checkpoint.target_high IS 'The highest id that is visible in target.';
COMMENT ON COLUMN outbox.checkpoint.last IS 'In the window, events up to this id are done.';
COMMENT ON COLUMN outbox.checkpoint.system_identifier IS 'The cluster that the snapshots belong to.';
COMMENT ON COLUMN outbox.checkpoint.instance IS 'Who wrote it.';

CREATE TABLE outbox.parked (
    subscription text NOT NULL,
    event_id bigint NOT NULL,
    key text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamp with time zone,
    error text,
    replayed boolean DEFAULT false NOT NULL,
    parked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempted_at timestamp with time zone,
    aggregate_type text NOT NULL,
    type text,
    occurred_at timestamp with time zone,
    payload jsonb,
    headers jsonb,
    CONSTRAINT parked_pkey PRIMARY KEY (subscription, event_id),
    CONSTRAINT parked_subscription_fkey FOREIGN KEY (subscription) REFERENCES outbox.subscription(name),
    CONSTRAINT parked_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT parked_kept_check CHECK ((num_nulls(type, occurred_at, payload) = ANY (ARRAY[0, 3]))),
    CONSTRAINT parked_next_attempt_at_check CHECK (((state = 'retrying'::text) = (next_attempt_at IS NOT NULL))),
    CONSTRAINT parked_state_check CHECK ((state = ANY (ARRAY['retrying'::text, 'blocked'::text, 'dead'::text, 'discarded'::text])))
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);
CREATE INDEX parked_event_id_idx ON outbox.parked USING btree (event_id) WHERE (occurred_at IS NULL);
CREATE INDEX parked_subscription_key_event_id_idx ON outbox.parked USING btree (subscription, key, event_id);
CREATE INDEX parked_subscription_key_idx ON outbox.parked USING btree (subscription, key) WHERE (state = 'dead'::text);
COMMENT ON TABLE outbox.parked IS 'The events that a subscription''s position has passed although they are not done: those that failed, and those that wait behind one. A row goes when its event is done.';
COMMENT ON COLUMN outbox.parked.key IS 'The key of the event: within it events are delivered in order of id, unless the subscription is without order.';
COMMENT ON COLUMN outbox.parked.state IS 'retrying: tried again at next_attempt_at; blocked: waits behind an earlier one of its key; dead: given up, waits for somebody to decide; discarded: by an operator before the position had passed it, goes when it passes.';
COMMENT ON COLUMN outbox.parked.attempts IS 'How often it was tried.';
COMMENT ON COLUMN outbox.parked.error IS 'How the last attempt ended.';
COMMENT ON COLUMN outbox.parked.replayed IS 'It was asked for again, so its handler may have had it before.';
COMMENT ON COLUMN outbox.parked.aggregate_type IS 'With the key, what events are ordered by: an order and a parcel may have the same key. Empty if the event was gone when this column was added.';
COMMENT ON COLUMN outbox.parked.occurred_at IS 'Of the event. This, type, payload and headers are null until retention empties the partition of the event; then they are what the log had.';

CREATE TABLE outbox.action (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    subscription text NOT NULL,
    name text NOT NULL,
    arguments jsonb NOT NULL,
    reason text,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    idempotency_key text,
    applied_at timestamp with time zone,
    applied_by text,
    result jsonb,
    failures integer DEFAULT 0 NOT NULL,
    CONSTRAINT action_pkey PRIMARY KEY (id),
    CONSTRAINT action_idempotency_key_key UNIQUE (idempotency_key),
    CONSTRAINT action_subscription_fkey FOREIGN KEY (subscription) REFERENCES outbox.subscription(name),
    CONSTRAINT action_applied_check CHECK ((num_nulls(applied_at, applied_by, result) = ANY (ARRAY[0, 3]))),
    CONSTRAINT action_name_check CHECK ((name = ANY (ARRAY['pause'::text, 'resume'::text, 'replay'::text, 'retry'::text, 'discard'::text])))
);
CREATE INDEX action_subscription_id_idx ON outbox.action USING btree (subscription, id);
CREATE INDEX action_subscription_waiting_idx ON outbox.action USING btree (subscription, id) WHERE (applied_at IS NULL);
COMMENT ON TABLE outbox.action IS 'What operators asked for, and what came of it. The leader of the subscription applies it between two runs, in one transaction with a checkpoint; rows stay.';
COMMENT ON COLUMN outbox.action.requested_by IS 'Who asked, as the call said.';
COMMENT ON COLUMN outbox.action.idempotency_key IS 'A repeated call with the same key is the same action.';
COMMENT ON COLUMN outbox.action.applied_at IS 'When it took effect or was cancelled; null while it waits.';
COMMENT ON COLUMN outbox.action.applied_by IS 'The instance that applied it, or who cancelled it.';
COMMENT ON COLUMN outbox.action.result IS 'What it did, such as how many events.';
COMMENT ON COLUMN outbox.action.failures IS 'How often the database failed while it was applied; the third time it is given up.';

CREATE TABLE outbox.cluster (
    singleton boolean DEFAULT true NOT NULL,
    system_identifier bigint NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT cluster_pkey PRIMARY KEY (singleton),
    CONSTRAINT cluster_singleton_check CHECK (singleton)
);
COMMENT ON TABLE outbox.cluster IS 'The cluster that the transaction ids of events and checkpoints belong to. If the server says another one, they were restored from a dump and are converted before they are used.';
COMMENT ON COLUMN outbox.cluster.since IS 'When the schema was made here, or converted.';

CREATE TABLE outbox.generation (
    subscription text NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT generation_pkey PRIMARY KEY (subscription)
);
COMMENT ON TABLE outbox.generation IS 'The highest generation that was removed from outbox.checkpoint, for each name. Generations of a name never start again, so these rows stay when the subscription goes.';
COMMENT ON COLUMN outbox.generation.last IS 'A first checkpoint of that name gets a higher one.';

CREATE TABLE outbox.identity (
    singleton boolean DEFAULT true NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    CONSTRAINT identity_pkey PRIMARY KEY (singleton),
    CONSTRAINT identity_singleton_check CHECK (singleton)
);
COMMENT ON TABLE outbox.identity IS 'Which log this is. It goes along with dumps and restores: leave it alone.';
COMMENT ON COLUMN outbox.identity.id IS 'Part of the uid of each event, so that no two outboxes give out the same.';
COMMENT ON COLUMN outbox.identity.fence IS 'The highest fencing token that a leader of any subscription was given.';

CREATE TABLE clients (
    id bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    currency text DEFAULT 'EUR'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT clients_pkey PRIMARY KEY (id),
    CONSTRAINT clients_email_key UNIQUE (email),
    CONSTRAINT clients_id_currency_key UNIQUE (id, currency),
    CONSTRAINT clients_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT clients_email_check CHECK ((email ~~ '_%@_%'::text)),
    CONSTRAINT clients_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);
COMMENT ON TABLE clients IS 'Who orders are fulfilled for, and who is charged and told.';
COMMENT ON COLUMN clients.email IS 'Where notifications go.';
COMMENT ON COLUMN clients.currency IS 'ISO 4217. All prices, fees and charges of a client are in it.';

CREATE TABLE items (
    id bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL,
    client_id bigint NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    price bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT items_pkey PRIMARY KEY (id),
    CONSTRAINT items_id_client_id_key UNIQUE (id, client_id),
    CONSTRAINT items_client_id_currency_fkey FOREIGN KEY (client_id, currency) REFERENCES clients(id, currency),
    CONSTRAINT items_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT items_price_check CHECK ((price >= 0))
);
CREATE INDEX items_client_id_idx ON public.items USING btree (client_id);
COMMENT ON TABLE items IS 'What a client keeps in stock; orders are made of them.';
COMMENT ON COLUMN items.price IS 'Minor units of currency.';

CREATE TABLE orders (
    id bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL,
    client_id bigint NOT NULL,
    status text DEFAULT 'created'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_id_client_id_key UNIQUE (id, client_id),
    CONSTRAINT orders_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients(id),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['created'::text, 'backorder'::text, 'shipped'::text, 'canceled'::text]))),
    CONSTRAINT orders_version_check CHECK ((version > 0))
) WITH (fillfactor=80);
CREATE INDEX orders_client_id_id_idx ON public.orders USING btree (client_id, id);
COMMENT ON TABLE orders IS 'An order of a client. Every change of status makes an event, and so does the end of an order, whoever makes it. It can''t be truncated.';
COMMENT ON COLUMN orders.status IS 'created -> backorder, shipped, canceled; backorder -> created, shipped, canceled; shipped and canceled are final.';
COMMENT ON COLUMN orders.version IS 'Counts the changes of the row, from 1; the ETag.';

CREATE TABLE order_items (
    order_id bigint NOT NULL,
    item_id bigint NOT NULL,
    client_id bigint NOT NULL,
    CONSTRAINT order_items_pkey PRIMARY KEY (order_id, item_id),
    CONSTRAINT order_items_item_id_client_id_fkey FOREIGN KEY (item_id, client_id) REFERENCES items(id, client_id),
    CONSTRAINT order_items_order_id_client_id_fkey FOREIGN KEY (order_id, client_id) REFERENCES orders(id, client_id)
);
CREATE INDEX order_items_item_id_client_id_idx ON public.order_items USING btree (item_id, client_id);
COMMENT ON TABLE order_items IS 'The items of an order; both foreign keys carry the client, so that an order holds items of its own client only.';

CREATE TABLE fulfillment_fees (
    client_id bigint NOT NULL,
    rate bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fulfillment_fees_pkey PRIMARY KEY (client_id),
    CONSTRAINT fulfillment_fees_client_id_currency_fkey FOREIGN KEY (client_id, currency) REFERENCES clients(id, currency),
    CONSTRAINT fulfillment_fees_rate_check CHECK ((rate >= 0))
);
COMMENT ON TABLE fulfillment_fees IS 'What a client pays for each shipped order.';
COMMENT ON COLUMN fulfillment_fees.rate IS 'Minor units of currency.';

CREATE TABLE item_fees (
    item_id bigint NOT NULL,
    kind text NOT NULL,
    rate bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT item_fees_pkey PRIMARY KEY (item_id, kind),
    CONSTRAINT item_fees_item_id_fkey FOREIGN KEY (item_id) REFERENCES items(id),
    CONSTRAINT item_fees_kind_check CHECK ((kind = ANY (ARRAY['heavy'::text, 'large'::text, 'fragile'::text]))),
    CONSTRAINT item_fees_rate_check CHECK ((rate >= 0))
);
COMMENT ON TABLE item_fees IS 'What an item adds to the charge of an order it is in, because it is heavy, large or fragile.';
COMMENT ON COLUMN item_fees.rate IS 'Minor units of the currency of the item.';

CREATE TABLE charges (
    id bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL,
    order_id bigint NOT NULL,
    client_id bigint NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT charges_pkey PRIMARY KEY (id),
    CONSTRAINT charges_order_id_key UNIQUE (order_id),
    CONSTRAINT charges_client_id_currency_fkey FOREIGN KEY (client_id, currency) REFERENCES clients(id, currency),
    CONSTRAINT charges_order_id_client_id_fkey FOREIGN KEY (order_id, client_id) REFERENCES orders(id, client_id),
    CONSTRAINT charges_amount_check CHECK ((amount >= 0))
);
CREATE INDEX charges_client_id_id_idx ON public.charges USING btree (client_id, id);
COMMENT ON TABLE charges IS 'What a client owes for a shipped order: written by billing, at most once for an order.';
COMMENT ON COLUMN charges.amount IS 'Minor units of currency: the fulfilment fee of the client and the fees of the items.';

CREATE OR REPLACE FUNCTION outbox.call__tell()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify('outbox_change', '');
    end if;
    return null;
end
$function$;

CREATE OR REPLACE FUNCTION outbox.checkpoint__removed()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    if tg_op = 'DELETE' then
        insert into outbox.generation as kept (subscription, last)
        select subscription, max(generation) from removed group by subscription order by subscription
        on conflict (subscription) do update set last = greatest(kept.last, excluded.last);
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'outbox.checkpoint can be truncated in READ COMMITTED only';
    end if;
    insert into outbox.generation as kept (subscription, last)
    select subscription, max(generation) from outbox.checkpoint group by subscription order by subscription
    on conflict (subscription) do update set last = greatest(kept.last, excluded.last);
    return null;
end
$function$;

CREATE OR REPLACE FUNCTION outbox.checkpoint__renamed()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
    gone text[];
    taken text;
begin
    select array_agg(distinct subscription) into gone
    from (select subscription, generation from previous except select subscription, generation from changed) g;
    if gone is null then
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'Checkpoints can be renamed in READ COMMITTED only';
    end if;
    lock table outbox.checkpoint in share row exclusive mode; -- whoever is appending has done so, or waits for this transaction

    insert into outbox.generation as kept (subscription, last)
    select subscription, max(generation)
    from (select subscription, generation from previous except select subscription, generation from changed) g
    group by subscription
    order by subscription
    on conflict (subscription) do update set last = greatest(kept.last, excluded.last);

    select subscription into taken
    from (select subscription, generation from changed except select subscription, generation from previous) c
    join outbox.generation kept using (subscription)
    where generation <= kept.last
    limit 1;
    if taken is null then
        select c.subscription into taken
        from outbox.checkpoint c
        where c.subscription in (select subscription from changed)
        group by c.subscription
        having max(c.generation) - min(c.generation) + 1 <> count(*)
        limit 1;
    end if;
    if taken is not null then
        raise exception '% has had checkpoints of its own', taken
            using errcode = 'unique_violation',
                hint = 'Delete its checkpoints, and add to each generation more than its last in outbox.generation.';
    end if;
    return null;
end
$function$;

CREATE OR REPLACE FUNCTION outbox.event__refuse()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    if new.tx <> pg_current_xact_id()
        or new.id > coalesce(pg_sequence_last_value('outbox.event_id_seq'), 0)
        or pg_column_size(new.payload) > 16777216
        or pg_column_size(new.headers) > 16777216
        or octet_length(new.aggregate_type) > 1000
        or octet_length(new.aggregate_id) > 1000
        or octet_length(new.type) > 1000
    then
        if new.tx <> pg_current_xact_id() or new.id > coalesce(pg_sequence_last_value('outbox.event_id_seq'), 0) then
            raise exception 'tx and id of an event are not for the writer to set'
                using errcode = 'check_violation', constraint = 'event_defaults',
                    hint = 'Leave them out, or call outbox.publish.';
        end if;
        raise exception 'The event is too large'
            using errcode = 'check_violation', constraint = 'event_size',
                hint = 'At most 16 MB of payload and headers, and 1,000 bytes each of aggregate_type, aggregate_id and type.';
    end if;
    return new;
end
$function$;

CREATE OR REPLACE FUNCTION outbox.event__ring()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    if current_setting('outbox.ring', true) is not distinct from 'off' then
        return null;
    end if;
    if pg_try_advisory_lock(11311, 1) and pg_advisory_unlock(11311, 1) then
        return null;
    end if;
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify('outbox', '');
    end if;
    return null;
end
$function$;

CREATE OR REPLACE FUNCTION outbox.is_done(done pg_snapshot, target pg_snapshot, last bigint, tx xid8, id bigint)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    select pg_catalog.pg_visible_in_snapshot(tx, done)
        or (target is not null and id <= last and pg_catalog.pg_visible_in_snapshot(tx, target))
$function$;

CREATE OR REPLACE FUNCTION outbox.late(snapshot pg_snapshot, barrier xid8)
 RETURNS SETOF xid8
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    select tx from pg_catalog.pg_snapshot_xip(snapshot) tx
    union all
    select n::text::xid8
    from pg_catalog.generate_series(
        pg_catalog.pg_snapshot_xmax(snapshot)::text::bigint, barrier::text::bigint - 1) n
$function$;

CREATE OR REPLACE FUNCTION outbox.parked__type()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    new.aggregate_type := coalesce((select e.aggregate_type from outbox.event e where e.id = new.event_id), '');
    return new;
end
$function$;

CREATE OR REPLACE FUNCTION outbox.publish(aggregate_type text, aggregate_id text, type text, payload jsonb, headers jsonb DEFAULT NULL::jsonb)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    insert into outbox.event (aggregate_type, aggregate_id, type, payload, headers)
    values (aggregate_type, aggregate_id, type, payload, headers)
    returning id
$function$;

CREATE OR REPLACE FUNCTION outbox.shard(key text, shards integer)
 RETURNS integer
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select 1 + (pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(key, 'UTF8')), 0) * 256
        + pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(key, 'UTF8')), 1)) % shards
$function$;

CREATE OR REPLACE FUNCTION outbox.shard(aggregate_type text, aggregate_id text, shards integer)
 RETURNS integer
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select 1 + (pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(aggregate_type || '/' || aggregate_id, 'UTF8')), 0) * 256
        + pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(aggregate_type || '/' || aggregate_id, 'UTF8')), 1)) % shards
$function$;

CREATE OR REPLACE FUNCTION outbox.shard_of(subscription text, shards integer, aggregate_type text, aggregate_id text)
 RETURNS integer
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select case
        when shards = 1 then 1
        when subscription ~ '\.\d+of\d+$' then outbox.shard(aggregate_id, shards)
        else outbox.shard(aggregate_type, aggregate_id, shards)
    end
$function$;

CREATE OR REPLACE FUNCTION outbox.subscription__fence()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    raise exception 'The handler % is run in shards by type and key, which this version does not know', split_part(new.name, '.', 1)
        using errcode = 'check_violation', constraint = 'subscription_shards_by_key',
            hint = 'Run it with the later version, or with one that splits it by type and key.';
end
$function$;

CREATE OR REPLACE FUNCTION public.orders__capture()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.orders__guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    if old.status in ('shipped', 'canceled') and new.status <> old.status then
        raise exception 'order % is %, which is final', old.id, old.status
            using errcode = 'check_violation', constraint = 'orders_status_final';
    end if;
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
    return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.orders__keep()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
    raise exception 'orders can''t be truncated: nobody would hear of it'
        using errcode = 'feature_not_supported', hint = 'Delete the rows: each makes an event.';
end
$function$;

CREATE TRIGGER refuse BEFORE INSERT ON outbox.event FOR EACH ROW EXECUTE FUNCTION outbox.event__refuse();

CREATE TRIGGER ring AFTER INSERT ON outbox.event FOR EACH STATEMENT EXECUTE FUNCTION outbox.event__ring();

CREATE TRIGGER fence BEFORE INSERT OR UPDATE OF retired_at ON outbox.subscription FOR EACH ROW WHEN (new.retired_at IS NULL AND new.name ~ '\.\d+of\d+$'::text) EXECUTE FUNCTION outbox.subscription__fence();

CREATE TRIGGER tell AFTER UPDATE OF paused_at ON outbox.subscription FOR EACH ROW WHEN (old.paused_at IS DISTINCT FROM new.paused_at) EXECUTE FUNCTION outbox.call__tell();

CREATE TRIGGER emptied BEFORE TRUNCATE ON outbox.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION outbox.checkpoint__removed();

CREATE TRIGGER removed AFTER DELETE ON outbox.checkpoint REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION outbox.checkpoint__removed();

CREATE TRIGGER renamed AFTER UPDATE ON outbox.checkpoint REFERENCING OLD TABLE AS previous NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION outbox.checkpoint__renamed();

CREATE TRIGGER type BEFORE INSERT ON outbox.parked FOR EACH ROW WHEN (new.aggregate_type IS NULL) EXECUTE FUNCTION outbox.parked__type();

CREATE TRIGGER tell AFTER INSERT ON outbox.action FOR EACH STATEMENT EXECUTE FUNCTION outbox.call__tell();

CREATE CONSTRAINT TRIGGER capture_delete AFTER DELETE ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders__capture();

CREATE CONSTRAINT TRIGGER capture_insert AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders__capture();

CREATE CONSTRAINT TRIGGER capture_update AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.status IS DISTINCT FROM new.status) EXECUTE FUNCTION orders__capture();

CREATE TRIGGER guard BEFORE UPDATE ON orders FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION orders__guard();

CREATE TRIGGER keep BEFORE TRUNCATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION orders__keep();
