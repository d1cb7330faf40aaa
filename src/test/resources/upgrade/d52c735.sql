-- The database of commit d52c735: 20 orders, of which 1, 3 and 4 were shipped and 5 canceled through the service; 17 by SQL after its end.
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: outbox; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA outbox;


--
-- Name: SCHEMA outbox; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA outbox IS 'The event log and what its readers have done. Writers of business tables need no right here: triggers write for them.';


--
-- Name: call__tell(); Type: FUNCTION; Schema: outbox; Owner: -
--

CREATE FUNCTION outbox.call__tell() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify('outbox_change', '');
    end if;
    return null;
end
$$;


--
-- Name: event__ring(); Type: FUNCTION; Schema: outbox; Owner: -
--

CREATE FUNCTION outbox.event__ring() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;


--
-- Name: is_done(pg_snapshot, pg_snapshot, bigint, xid8, bigint); Type: FUNCTION; Schema: outbox; Owner: -
--

CREATE FUNCTION outbox.is_done(done pg_snapshot, target pg_snapshot, last bigint, tx xid8, id bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select pg_catalog.pg_visible_in_snapshot(tx, done)
        or (target is not null and id <= last and pg_catalog.pg_visible_in_snapshot(tx, target))
$$;


--
-- Name: late(pg_snapshot, xid8); Type: FUNCTION; Schema: outbox; Owner: -
--

CREATE FUNCTION outbox.late(snapshot pg_snapshot, barrier xid8) RETURNS SETOF xid8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select tx from pg_catalog.pg_snapshot_xip(snapshot) tx
    union all
    select n::text::xid8
    from pg_catalog.generate_series(
        pg_catalog.pg_snapshot_xmax(snapshot)::text::bigint, barrier::text::bigint - 1) n
$$;


--
-- Name: shard(text, integer); Type: FUNCTION; Schema: outbox; Owner: -
--

CREATE FUNCTION outbox.shard(key text, shards integer) RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select 1 + (pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(key, 'UTF8')), 0) * 256
        + pg_catalog.get_byte(pg_catalog.sha256(pg_catalog.convert_to(key, 'UTF8')), 1)) % shards
$$;


--
-- Name: orders__capture(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.orders__capture() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    item_ids jsonb := (select coalesce(jsonb_agg(item_id order by item_id), '[]')
                       from public.order_items where order_id = new.id);
    changed_at text := to_char(new.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
begin
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


--
-- Name: orders__guard(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.orders__guard() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if old.status in ('shipped', 'canceled') and new.status <> old.status then
        raise exception 'order % is %, which is final', old.id, old.status
            using errcode = 'check_violation', constraint = 'orders_status_final';
    end if;
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
    return new;
end
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: action; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.action (
    id bigint NOT NULL,
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
    CONSTRAINT action_applied_check CHECK ((num_nulls(applied_at, applied_by, result) = ANY (ARRAY[0, 3]))),
    CONSTRAINT action_name_check CHECK ((name = ANY (ARRAY['pause'::text, 'resume'::text, 'replay'::text, 'retry'::text, 'discard'::text])))
);


--
-- Name: TABLE action; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.action IS 'What operators asked for, and what came of it. The leader of the subscription applies it between two runs, in one transaction with a checkpoint; rows stay.';


--
-- Name: COLUMN action.requested_by; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.action.requested_by IS 'Who asked, as the call said.';


--
-- Name: COLUMN action.idempotency_key; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.action.idempotency_key IS 'A repeated call with the same key is the same action.';


--
-- Name: COLUMN action.applied_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.action.applied_at IS 'When it took effect; null while it waits.';


--
-- Name: COLUMN action.result; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.action.result IS 'What it did, such as how many events.';


--
-- Name: action_id_seq; Type: SEQUENCE; Schema: outbox; Owner: -
--

ALTER TABLE outbox.action ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME outbox.action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: checkpoint; Type: TABLE; Schema: outbox; Owner: -
--

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
    CONSTRAINT checkpoint_generation_check CHECK ((generation >= 0)),
    CONSTRAINT checkpoint_target_check CHECK ((num_nulls(target, target_barrier, target_high) = ANY (ARRAY[0, 3])))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');


--
-- Name: TABLE checkpoint; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.checkpoint IS 'What a subscription has done: appended, never updated. The highest generation counts; its primary key is the fence that a stale leader runs into.';


--
-- Name: COLUMN checkpoint.done; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.done IS 'Every event that is visible in this snapshot is done.';


--
-- Name: COLUMN checkpoint.barrier; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.barrier IS 'An xid drawn after done was taken: its transaction and all later ones have ids above high.';


--
-- Name: COLUMN checkpoint.high; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.high IS 'The highest id that is visible in done.';


--
-- Name: COLUMN checkpoint.target; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.target IS 'The window that is being read: visible in target, not in done, in order of id. Null at the tail.';


--
-- Name: COLUMN checkpoint.target_high; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.target_high IS 'The highest id that is visible in target.';


--
-- Name: COLUMN checkpoint.last; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.last IS 'In the window, events up to this id are done.';


--
-- Name: COLUMN checkpoint.system_identifier; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.system_identifier IS 'The cluster that the snapshots belong to.';


--
-- Name: COLUMN checkpoint.instance; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.checkpoint.instance IS 'Who wrote it.';


--
-- Name: cluster; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.cluster (
    singleton boolean DEFAULT true NOT NULL,
    system_identifier bigint NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT cluster_singleton_check CHECK (singleton)
);


--
-- Name: TABLE cluster; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.cluster IS 'The cluster that the transaction ids of events and checkpoints belong to. If the server says another one, they were restored from a dump and are converted before they are used.';


--
-- Name: COLUMN cluster.since; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.cluster.since IS 'When the schema was made here, or converted.';


--
-- Name: event; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
)
PARTITION BY RANGE (id);


--
-- Name: TABLE event; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.event IS 'The log: what happened, appended by triggers in the transaction of the change; never updated.';


--
-- Name: COLUMN event.tx; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.tx IS 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';


--
-- Name: COLUMN event.id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.id IS 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';


--
-- Name: COLUMN event.occurred_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.occurred_at IS 'When the trigger ran.';


--
-- Name: COLUMN event.aggregate_type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.aggregate_type IS 'What kind of thing changed, such as order.';


--
-- Name: COLUMN event.aggregate_id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.aggregate_id IS 'The key: which one changed. Events of one key are delivered in order.';


--
-- Name: COLUMN event.type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.type IS 'What happened, such as order.shipped.';


--
-- Name: COLUMN event.headers; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event.headers IS 'What travels beside the payload; null if nothing does.';


--
-- Name: event_id_seq; Type: SEQUENCE; Schema: outbox; Owner: -
--

CREATE SEQUENCE outbox.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: event_id_seq; Type: SEQUENCE OWNED BY; Schema: outbox; Owner: -
--

ALTER SEQUENCE outbox.event_id_seq OWNED BY outbox.event.id;


--
-- Name: event_0; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event_0 (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
);


--
-- Name: TABLE event_0; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.event_0 IS 'The first ten million events.';


--
-- Name: event_10000001; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event_10000001 (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
);


--
-- Name: COLUMN event_10000001.tx; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.tx IS 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';


--
-- Name: COLUMN event_10000001.id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.id IS 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';


--
-- Name: COLUMN event_10000001.occurred_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.occurred_at IS 'When the trigger ran.';


--
-- Name: COLUMN event_10000001.aggregate_type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.aggregate_type IS 'What kind of thing changed, such as order.';


--
-- Name: COLUMN event_10000001.aggregate_id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.aggregate_id IS 'The key: which one changed. Events of one key are delivered in order.';


--
-- Name: COLUMN event_10000001.type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.type IS 'What happened, such as order.shipped.';


--
-- Name: COLUMN event_10000001.headers; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_10000001.headers IS 'What travels beside the payload; null if nothing does.';


--
-- Name: event_11000001; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event_11000001 (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
);


--
-- Name: COLUMN event_11000001.tx; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.tx IS 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';


--
-- Name: COLUMN event_11000001.id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.id IS 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';


--
-- Name: COLUMN event_11000001.occurred_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.occurred_at IS 'When the trigger ran.';


--
-- Name: COLUMN event_11000001.aggregate_type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.aggregate_type IS 'What kind of thing changed, such as order.';


--
-- Name: COLUMN event_11000001.aggregate_id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.aggregate_id IS 'The key: which one changed. Events of one key are delivered in order.';


--
-- Name: COLUMN event_11000001.type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.type IS 'What happened, such as order.shipped.';


--
-- Name: COLUMN event_11000001.headers; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_11000001.headers IS 'What travels beside the payload; null if nothing does.';


--
-- Name: event_12000001; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event_12000001 (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
);


--
-- Name: COLUMN event_12000001.tx; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.tx IS 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';


--
-- Name: COLUMN event_12000001.id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.id IS 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';


--
-- Name: COLUMN event_12000001.occurred_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.occurred_at IS 'When the trigger ran.';


--
-- Name: COLUMN event_12000001.aggregate_type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.aggregate_type IS 'What kind of thing changed, such as order.';


--
-- Name: COLUMN event_12000001.aggregate_id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.aggregate_id IS 'The key: which one changed. Events of one key are delivered in order.';


--
-- Name: COLUMN event_12000001.type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.type IS 'What happened, such as order.shipped.';


--
-- Name: COLUMN event_12000001.headers; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_12000001.headers IS 'What travels beside the payload; null if nothing does.';


--
-- Name: event_13000001; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event_13000001 (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
);


--
-- Name: COLUMN event_13000001.tx; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.tx IS 'The transaction that wrote the event. A reader goes by it, not by id alone: see src/docs/delivery.md.';


--
-- Name: COLUMN event_13000001.id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.id IS 'Drawn while the row of the key is locked, so that the order of ids is the order of commits for one key (sequence cache 1).';


--
-- Name: COLUMN event_13000001.occurred_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.occurred_at IS 'When the trigger ran.';


--
-- Name: COLUMN event_13000001.aggregate_type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.aggregate_type IS 'What kind of thing changed, such as order.';


--
-- Name: COLUMN event_13000001.aggregate_id; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.aggregate_id IS 'The key: which one changed. Events of one key are delivered in order.';


--
-- Name: COLUMN event_13000001.type; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.type IS 'What happened, such as order.shipped.';


--
-- Name: COLUMN event_13000001.headers; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.event_13000001.headers IS 'What travels beside the payload; null if nothing does.';


--
-- Name: event_default; Type: TABLE; Schema: outbox; Owner: -
--

CREATE TABLE outbox.event_default (
    tx xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('outbox.event_id_seq'::regclass) NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb
);


--
-- Name: TABLE event_default; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.event_default IS 'Events beyond the last partition that was made; empty in normal life.';


--
-- Name: parked; Type: TABLE; Schema: outbox; Owner: -
--

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
    CONSTRAINT parked_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT parked_next_attempt_at_check CHECK (((state = 'retrying'::text) = (next_attempt_at IS NOT NULL))),
    CONSTRAINT parked_state_check CHECK ((state = ANY (ARRAY['retrying'::text, 'blocked'::text, 'dead'::text])))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');


--
-- Name: TABLE parked; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.parked IS 'The events that a subscription''s position has passed although they are not done: those that failed, and those that wait behind one. A row goes when its event is done.';


--
-- Name: COLUMN parked.key; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.parked.key IS 'The key of the event: within it events are delivered in order of id. For a subscription without order, the id.';


--
-- Name: COLUMN parked.state; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.parked.state IS 'retrying: tried again at next_attempt_at; blocked: waits behind an earlier one of its key; dead: given up, waits for somebody to decide.';


--
-- Name: COLUMN parked.attempts; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.parked.attempts IS 'How often it was tried.';


--
-- Name: COLUMN parked.error; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.parked.error IS 'How the last attempt ended.';


--
-- Name: COLUMN parked.replayed; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.parked.replayed IS 'It was asked for again, so its handler may have had it before.';


--
-- Name: subscription; Type: TABLE; Schema: outbox; Owner: -
--

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
    shard integer GENERATED ALWAYS AS (COALESCE(("substring"(name, '\.(\d+)of\d+$'::text))::integer, 1)) STORED NOT NULL,
    shards integer GENERATED ALWAYS AS (COALESCE(("substring"(name, '\.\d+of(\d+)$'::text))::integer, 1)) STORED NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT subscription_circuit_check CHECK ((num_nulls(circuit_opened_at, circuit_error) = ANY (ARRAY[0, 2]))),
    CONSTRAINT subscription_kind_check CHECK ((kind = ANY (ARRAY['handler'::text, 'transactional'::text]))),
    CONSTRAINT subscription_name_check CHECK ((name ~ '^[a-z][a-z0-9-]{0,62}(\.[0-9]{1,2}of[0-9]{1,2})?$'::text)),
    CONSTRAINT subscription_paused_check CHECK ((num_nulls(paused_at, paused_by) = ANY (ARRAY[0, 2]))),
    CONSTRAINT subscription_replay_rate_check CHECK ((replay_rate > 0)),
    CONSTRAINT subscription_shard_check CHECK (((shard >= 1) AND (shard <= shards)))
);


--
-- Name: TABLE subscription; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON TABLE outbox.subscription IS 'A named, durable reader of the log.';


--
-- Name: COLUMN subscription.name; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.name IS 'Of the handler; of one that is split with the shard, such as mail.2of4.';


--
-- Name: COLUMN subscription.kind; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.kind IS 'handler: at least once, effects outside; transactional: effects and checkpoint commit together.';


--
-- Name: COLUMN subscription.types; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.types IS 'The event types it wants; empty for all.';


--
-- Name: COLUMN subscription.paused_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.paused_at IS 'Since when nothing is delivered because somebody said so; null if it is active.';


--
-- Name: COLUMN subscription.circuit_opened_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.circuit_opened_at IS 'Since when nothing but a probe is delivered, because different keys failed one after the other; null if the circuit is closed.';


--
-- Name: COLUMN subscription.circuit_error; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.circuit_error IS 'The failure that opened the circuit.';


--
-- Name: COLUMN subscription.replayed_through; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.replayed_through IS 'Events up to this id were asked for again: until the position passes it they are marked as replayed.';


--
-- Name: COLUMN subscription.replay_rate; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.replay_rate IS 'Events per second while a replay goes on; null for no limit.';


--
-- Name: COLUMN subscription.handler; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.handler IS 'Whose it is: all shards of a handler have the same.';


--
-- Name: COLUMN subscription.shard; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.shard IS 'Which part of the keys it has, from 1: outbox.shard(key, shards).';


--
-- Name: COLUMN subscription.shards; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.shards IS 'Into how many the handler is split.';


--
-- Name: COLUMN subscription.retired_at; Type: COMMENT; Schema: outbox; Owner: -
--

COMMENT ON COLUMN outbox.subscription.retired_at IS 'Since when others do what it did, because its handler was split into another number; null if it is in force.';


--
-- Name: charges; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.charges (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    client_id bigint NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT charges_amount_check CHECK ((amount >= 0))
);


--
-- Name: TABLE charges; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.charges IS 'What a client owes for a shipped order: written by billing, at most once for an order.';


--
-- Name: COLUMN charges.amount; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.charges.amount IS 'Minor units of currency: the fulfilment fee of the client and the fees of the items.';


--
-- Name: charges_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.charges ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.charges_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: clients; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clients (
    id bigint NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    currency text DEFAULT 'EUR'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT clients_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT clients_email_check CHECK ((email ~~ '_%@_%'::text)),
    CONSTRAINT clients_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);


--
-- Name: TABLE clients; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.clients IS 'Who orders are fulfilled for, and who is charged and told.';


--
-- Name: COLUMN clients.email; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.clients.email IS 'Where notifications go.';


--
-- Name: COLUMN clients.currency; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.clients.currency IS 'ISO 4217. All prices, fees and charges of a client are in it.';


--
-- Name: clients_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.clients ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.clients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: databasechangelog; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.databasechangelog (
    id character varying(255) NOT NULL,
    author character varying(255) NOT NULL,
    filename character varying(255) NOT NULL,
    dateexecuted timestamp without time zone NOT NULL,
    orderexecuted integer NOT NULL,
    exectype character varying(10) NOT NULL,
    md5sum character varying(35),
    description character varying(255),
    comments character varying(255),
    tag character varying(255),
    liquibase character varying(20),
    contexts character varying(255),
    labels character varying(255),
    deployment_id character varying(10)
);


--
-- Name: fulfillment_fees; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.fulfillment_fees (
    client_id bigint NOT NULL,
    rate bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fulfillment_fees_rate_check CHECK ((rate >= 0))
);


--
-- Name: TABLE fulfillment_fees; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.fulfillment_fees IS 'What a client pays for each shipped order.';


--
-- Name: COLUMN fulfillment_fees.rate; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fulfillment_fees.rate IS 'Minor units of currency.';


--
-- Name: item_fees; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.item_fees (
    item_id bigint NOT NULL,
    kind text NOT NULL,
    rate bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT item_fees_kind_check CHECK ((kind = ANY (ARRAY['heavy'::text, 'large'::text, 'fragile'::text]))),
    CONSTRAINT item_fees_rate_check CHECK ((rate >= 0))
);


--
-- Name: TABLE item_fees; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.item_fees IS 'What an item adds to the charge of an order it is in, because it is heavy, large or fragile.';


--
-- Name: COLUMN item_fees.rate; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.item_fees.rate IS 'Minor units of the currency of the item.';


--
-- Name: items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.items (
    id bigint NOT NULL,
    client_id bigint NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    price bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT items_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT items_price_check CHECK ((price >= 0))
);


--
-- Name: TABLE items; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.items IS 'What a client keeps in stock; orders are made of them.';


--
-- Name: COLUMN items.price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.items.price IS 'Minor units of currency.';


--
-- Name: items_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.items ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.items_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: order_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.order_items (
    order_id bigint NOT NULL,
    item_id bigint NOT NULL,
    client_id bigint NOT NULL
);


--
-- Name: TABLE order_items; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.order_items IS 'The items of an order; both foreign keys carry the client, so that an order holds items of its own client only.';


--
-- Name: orders; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.orders (
    id bigint NOT NULL,
    client_id bigint NOT NULL,
    status text DEFAULT 'created'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['created'::text, 'backorder'::text, 'shipped'::text, 'canceled'::text]))),
    CONSTRAINT orders_version_check CHECK ((version > 0))
)
WITH (fillfactor='80');


--
-- Name: TABLE orders; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.orders IS 'An order of a client. Every change of status makes an event, whoever makes it.';


--
-- Name: COLUMN orders.status; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.status IS 'created -> backorder, shipped, canceled; backorder -> created, shipped, canceled; shipped and canceled are final.';


--
-- Name: COLUMN orders.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.version IS 'Counts the changes of the row, from 1; the ETag.';


--
-- Name: orders_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.orders ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.orders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: event_0; Type: TABLE ATTACH; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_0 FOR VALUES FROM (MINVALUE) TO ('10000001');


--
-- Name: event_10000001; Type: TABLE ATTACH; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_10000001 FOR VALUES FROM ('10000001') TO ('11000001');


--
-- Name: event_11000001; Type: TABLE ATTACH; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_11000001 FOR VALUES FROM ('11000001') TO ('12000001');


--
-- Name: event_12000001; Type: TABLE ATTACH; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_12000001 FOR VALUES FROM ('12000001') TO ('13000001');


--
-- Name: event_13000001; Type: TABLE ATTACH; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_13000001 FOR VALUES FROM ('13000001') TO ('14000001');


--
-- Name: event_default; Type: TABLE ATTACH; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ATTACH PARTITION outbox.event_default DEFAULT;


--
-- Name: event id; Type: DEFAULT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event ALTER COLUMN id SET DEFAULT nextval('outbox.event_id_seq'::regclass);


--
-- Data for Name: action; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: checkpoint; Type: TABLE DATA; Schema: outbox; Owner: -
--

INSERT INTO outbox.checkpoint VALUES ('billing', 0, '1:1:', '1', 0, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.052152+00');
INSERT INTO outbox.checkpoint VALUES ('notifications', 0, '1:1:', '1', 0, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.057288+00');
INSERT INTO outbox.checkpoint VALUES ('notifications', 1, '1:1:', '1', 0, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.087979+00');
INSERT INTO outbox.checkpoint VALUES ('billing', 1, '1:1:', '1', 0, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.100424+00');
INSERT INTO outbox.checkpoint VALUES ('notifications', 2, '2409407:2409407:', '2409407', 1, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.640256+00');
INSERT INTO outbox.checkpoint VALUES ('notifications', 3, '2409415:2409415:', '2409415', 3, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.919513+00');
INSERT INTO outbox.checkpoint VALUES ('billing', 2, '2409414:2409414:', '2409414', 3, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:07.926941+00');
INSERT INTO outbox.checkpoint VALUES ('notifications', 4, '2409418:2409418:', '2409419', 4, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:08.146556+00');
INSERT INTO outbox.checkpoint VALUES ('billing', 3, '2409418:2409418:', '2409419', 4, NULL, NULL, NULL, 0, 7713939959486365173, '23452-9925433f', '2026-11-30 13:17:08.157989+00');


--
-- Data for Name: cluster; Type: TABLE DATA; Schema: outbox; Owner: -
--

INSERT INTO outbox.cluster VALUES (true, 7713939959486365173, '2026-11-30 13:17:03.630786+00');


--
-- Data for Name: event_0; Type: TABLE DATA; Schema: outbox; Owner: -
--

INSERT INTO outbox.event_0 VALUES ('2409406', 1, '2026-11-30 13:17:07.445471+00', 'order', '1', 'order.shipped', '{"status": "shipped", "itemIds": [18, 33, 48], "orderId": 1, "version": 2, "clientId": 1, "changedAt": "2026-11-30T13:17:07.443115Z", "previousStatus": "created"}', NULL);
INSERT INTO outbox.event_0 VALUES ('2409410', 2, '2026-11-30 13:17:07.649134+00', 'order', '3', 'order.shipped', '{"status": "shipped", "itemIds": [20, 35], "orderId": 3, "version": 2, "clientId": 3, "changedAt": "2026-11-30T13:17:07.648912Z", "previousStatus": "created"}', NULL);
INSERT INTO outbox.event_0 VALUES ('2409413', 3, '2026-11-30 13:17:07.712723+00', 'order', '4', 'order.shipped', '{"status": "shipped", "itemIds": [11, 16, 31, 46], "orderId": 4, "version": 2, "clientId": 4, "changedAt": "2026-11-30T13:17:07.712514Z", "previousStatus": "created"}', NULL);
INSERT INTO outbox.event_0 VALUES ('2409416', 4, '2026-11-30 13:17:07.826094+00', 'order', '5', 'order.canceled', '{"status": "canceled", "itemIds": [17], "orderId": 5, "version": 2, "clientId": 5, "changedAt": "2026-11-30T13:17:07.825874Z", "previousStatus": "created"}', NULL);
INSERT INTO outbox.event_0 VALUES ('2409427', 5, '2026-11-30 13:17:13.271055+00', 'order', '17', 'order.shipped', '{"status": "shipped", "itemIds": [54, 69, 74, 84, 89], "orderId": 17, "version": 2, "clientId": 7, "changedAt": "2026-11-30T13:17:13.269816Z", "previousStatus": "created"}', NULL);


--
-- Data for Name: event_10000001; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: event_11000001; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: event_12000001; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: event_13000001; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: event_default; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: parked; Type: TABLE DATA; Schema: outbox; Owner: -
--



--
-- Data for Name: subscription; Type: TABLE DATA; Schema: outbox; Owner: -
--

INSERT INTO outbox.subscription VALUES ('billing', 'transactional', '{order.shipped}', '2026-11-30 13:17:06.902184+00', '2026-11-30 13:17:06.902184+00', NULL, NULL, NULL, NULL, NULL, 0, NULL, DEFAULT, DEFAULT, DEFAULT, NULL);
INSERT INTO outbox.subscription VALUES ('notifications', 'handler', '{order.backordered,order.canceled,order.created,order.reopened,order.shipped}', '2026-11-30 13:17:06.928227+00', '2026-11-30 13:17:06.928227+00', NULL, NULL, NULL, NULL, NULL, 0, NULL, DEFAULT, DEFAULT, DEFAULT, NULL);


--
-- Data for Name: charges; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.charges VALUES (1, 1, 1, 471, 'EUR', '2026-11-30 13:17:07.795371+00');
INSERT INTO public.charges VALUES (2, 3, 3, 175, 'EUR', '2026-11-30 13:17:07.795371+00');
INSERT INTO public.charges VALUES (3, 4, 4, 200, 'EUR', '2026-11-30 13:17:07.795371+00');


--
-- Data for Name: clients; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clients VALUES (1, 'Client 1', 'client1@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (2, 'Client 2', 'client2@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (3, 'Client 3', 'client3@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (4, 'Client 4', 'client4@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (5, 'Client 5', 'client5@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (6, 'Client 6', 'client6@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (7, 'Client 7', 'client7@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (8, 'Client 8', 'client8@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (9, 'Client 9', 'client9@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.clients VALUES (10, 'Client 10', 'client10@example.com', 'EUR', '2026-11-30 13:17:03.943122+00');


--
-- Data for Name: databasechangelog; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.databasechangelog VALUES ('0001-clients', 'outbox', 'db/changelog/0001-orders.sql', '2026-11-30 13:17:02.674358', 1, 'EXECUTED', '9:ac60508f390a1ffe5e0d78a02eeb0519', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0001-items', 'outbox', 'db/changelog/0001-orders.sql', '2026-11-30 13:17:02.715215', 2, 'EXECUTED', '9:48b1a6ad2c72601dd9adb7172c5f1adb', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0001-orders', 'outbox', 'db/changelog/0001-orders.sql', '2026-11-30 13:17:02.766213', 3, 'EXECUTED', '9:05d773bd5728c8ba6f0324c7842783fa', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0001-order-items', 'outbox', 'db/changelog/0001-orders.sql', '2026-11-30 13:17:02.793794', 4, 'EXECUTED', '9:95992e21a9236a791e9d8721f430e3ae', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0001-fees', 'outbox', 'db/changelog/0001-orders.sql', '2026-11-30 13:17:02.878916', 5, 'EXECUTED', '9:8a1811c29aed9fc5c9dad3b749420136', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0001-charges', 'outbox', 'db/changelog/0001-orders.sql', '2026-11-30 13:17:02.914671', 6, 'EXECUTED', '9:bbb0aad237d6fe99aef68c2d37969a26', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0002-schema', 'outbox', 'db/changelog/0002-outbox.sql', '2026-11-30 13:17:02.970773', 7, 'EXECUTED', '9:18c8de892f5024908c83e443b0a02774', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0002-event', 'outbox', 'db/changelog/0002-outbox.sql', '2026-11-30 13:17:03.133823', 8, 'EXECUTED', '9:d034ac2fd0f789729756a6cdc320b042', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0002-subscription', 'outbox', 'db/changelog/0002-outbox.sql', '2026-11-30 13:17:03.198844', 9, 'EXECUTED', '9:2334a2479cf85b039b2e5c0a3cae79c6', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0002-checkpoint', 'outbox', 'db/changelog/0002-outbox.sql', '2026-11-30 13:17:03.302464', 10, 'EXECUTED', '9:60c070efabe9d32b5785c220b7c98fca', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0002-rights', 'outbox', 'db/changelog/0002-outbox.sql', '2026-11-30 13:17:03.327191', 11, 'EXECUTED', '9:dce6008ec1f407aa6aecd0ac63742dec', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('event__ring', 'outbox', 'db/changelog/routines/event__ring.sql', '2026-11-30 13:17:03.351753', 12, 'EXECUTED', '9:dc515bd05d3e2b7f32cc4f5ce129d477', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('orders__guard', 'outbox', 'db/changelog/routines/orders__guard.sql', '2026-11-30 13:17:03.365254', 13, 'EXECUTED', '9:08ef7b85342fa3fc427c1efa6dc1fbda', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('orders__capture', 'outbox', 'db/changelog/routines/orders__capture.sql', '2026-11-30 13:17:03.391502', 14, 'EXECUTED', '9:6dfb7818297d6500fbcb02c801d2d7ef', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0003-event-ring', 'outbox', 'db/changelog/0003-triggers.sql', '2026-11-30 13:17:03.423242', 15, 'EXECUTED', '9:de1b7bfd86e26d6aadb70ce80f334444', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0003-orders-guard', 'outbox', 'db/changelog/0003-triggers.sql', '2026-11-30 13:17:03.443359', 16, 'EXECUTED', '9:e31cd5d376a7700de192d73feb65930f', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0003-orders-capture', 'outbox', 'db/changelog/0003-triggers.sql', '2026-11-30 13:17:03.461334', 17, 'EXECUTED', '9:f96bc796714db84d39f5dbdf30d46976', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0004-parked', 'outbox', 'db/changelog/0004-failures.sql', '2026-11-30 13:17:03.519753', 18, 'EXECUTED', '9:37e3e3fdf4780a59fb31e8b14b2a953c', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0004-subscription', 'outbox', 'db/changelog/0004-failures.sql', '2026-11-30 13:17:03.57506', 19, 'EXECUTED', '9:4d6f15020dad9e30634401e08a521d56', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0004-action', 'outbox', 'db/changelog/0004-failures.sql', '2026-11-30 13:17:03.616767', 20, 'EXECUTED', '9:ee0ac74de355e44ee70806e0610481a7', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0005-cluster', 'outbox', 'db/changelog/0005-retention.sql', '2026-11-30 13:17:03.640459', 21, 'EXECUTED', '9:253196db0c76b1781cb5c3fb5e483e22', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0005-partitions', 'outbox', 'db/changelog/0005-retention.sql', '2026-11-30 13:17:03.675132', 22, 'EXECUTED', '9:5f5751527470939bbc7ec6322bfecae6', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0006-shards', 'outbox', 'db/changelog/0006-shards.sql', '2026-11-30 13:17:03.738924', 23, 'EXECUTED', '9:d0c06ca14489dd3634282c27ac9973c6', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('checkpoint__is_done', 'outbox', 'db/changelog/routines/checkpoint__is_done.sql', '2026-11-30 13:17:03.798553', 24, 'EXECUTED', '9:8004043c14fdda8a8bcec6d2779f776a', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('checkpoint__late', 'outbox', 'db/changelog/routines/checkpoint__late.sql', '2026-11-30 13:17:03.827', 25, 'EXECUTED', '9:a3c56df70f2b8f1e44bec4a20d0ddb2b', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('event__shard', 'outbox', 'db/changelog/routines/event__shard.sql', '2026-11-30 13:17:03.860285', 26, 'EXECUTED', '9:5fcd196702cd240fa0f266621357f855', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('call__tell', 'outbox', 'db/changelog/routines/call__tell.sql', '2026-11-30 13:17:03.899238', 27, 'EXECUTED', '9:96f5f2554e0e1ca096a56663255cda6e', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('0007-call-tell', 'outbox', 'db/changelog/0007-calls.sql', '2026-11-30 13:17:03.935522', 28, 'EXECUTED', '9:5b501d00dc2d6ffbff225d5147c9f76c', 'sql', '', NULL, '5.0.4', NULL, NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('demo-clients', 'outbox', 'db/changelog/demo/demo.sql', '2026-11-30 13:17:03.970828', 29, 'EXECUTED', '9:df78d941b3692073e57ea68d771aed4a', 'sql', '', NULL, '5.0.4', 'demo', NULL, '6044618870');
INSERT INTO public.databasechangelog VALUES ('demo-orders', 'outbox', 'db/changelog/demo/demo.sql', '2026-11-30 13:17:04.197019', 30, 'EXECUTED', '9:2f687457cb618d6766313d6495c52862', 'sql', '', NULL, '5.0.4', 'demo', NULL, '6044618870');


--
-- Data for Name: fulfillment_fees; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.fulfillment_fees VALUES (1, 125, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (2, 150, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (3, 175, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (4, 200, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (5, 225, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (6, 250, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (7, 275, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (8, 300, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (9, 325, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.fulfillment_fees VALUES (10, 350, 'EUR', '2026-11-30 13:17:03.943122+00');


--
-- Data for Name: item_fees; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.item_fees VALUES (6, 'large', 236, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (12, 'fragile', 222, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (18, 'heavy', 208, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (24, 'large', 194, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (30, 'fragile', 180, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (36, 'heavy', 166, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (42, 'large', 152, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (48, 'fragile', 138, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (54, 'heavy', 124, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (60, 'large', 110, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (66, 'fragile', 96, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (72, 'heavy', 82, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (78, 'large', 68, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (84, 'fragile', 54, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (90, 'heavy', 240, '2026-11-30 13:17:03.943122+00');
INSERT INTO public.item_fees VALUES (96, 'large', 226, '2026-11-30 13:17:03.943122+00');


--
-- Data for Name: items; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.items VALUES (1, 4, 'Item 1', 'Item 1 of Client 4', 8118, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (2, 5, 'Item 2', 'Item 1 of Client 5', 6237, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (3, 1, 'Item 3', 'Item 1 of Client 1', 4356, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (4, 2, 'Item 4', 'Item 1 of Client 2', 2475, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (5, 3, 'Item 5', 'Item 1 of Client 3', 594, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (6, 4, 'Item 6', 'Item 2 of Client 4', 8513, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (7, 5, 'Item 7', 'Item 2 of Client 5', 6632, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (8, 1, 'Item 8', 'Item 2 of Client 1', 4751, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (9, 2, 'Item 9', 'Item 2 of Client 2', 2870, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (10, 3, 'Item 10', 'Item 2 of Client 3', 989, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (11, 4, 'Item 11', 'Item 3 of Client 4', 8908, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (12, 5, 'Item 12', 'Item 3 of Client 5', 7027, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (13, 1, 'Item 13', 'Item 3 of Client 1', 5146, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (14, 2, 'Item 14', 'Item 3 of Client 2', 3265, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (15, 3, 'Item 15', 'Item 3 of Client 3', 1384, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (16, 4, 'Item 16', 'Item 4 of Client 4', 9303, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (17, 5, 'Item 17', 'Item 4 of Client 5', 7422, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (18, 1, 'Item 18', 'Item 4 of Client 1', 5541, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (19, 2, 'Item 19', 'Item 4 of Client 2', 3660, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (20, 3, 'Item 20', 'Item 4 of Client 3', 1779, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (21, 4, 'Item 21', 'Item 5 of Client 4', 9698, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (22, 5, 'Item 22', 'Item 5 of Client 5', 7817, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (23, 1, 'Item 23', 'Item 5 of Client 1', 5936, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (24, 2, 'Item 24', 'Item 5 of Client 2', 4055, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (25, 3, 'Item 25', 'Item 5 of Client 3', 2174, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (26, 4, 'Item 26', 'Item 6 of Client 4', 293, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (27, 5, 'Item 27', 'Item 6 of Client 5', 8212, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (28, 1, 'Item 28', 'Item 6 of Client 1', 6331, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (29, 2, 'Item 29', 'Item 6 of Client 2', 4450, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (30, 3, 'Item 30', 'Item 6 of Client 3', 2569, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (31, 4, 'Item 31', 'Item 7 of Client 4', 688, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (32, 5, 'Item 32', 'Item 7 of Client 5', 8607, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (33, 1, 'Item 33', 'Item 7 of Client 1', 6726, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (34, 2, 'Item 34', 'Item 7 of Client 2', 4845, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (35, 3, 'Item 35', 'Item 7 of Client 3', 2964, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (36, 4, 'Item 36', 'Item 8 of Client 4', 1083, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (37, 5, 'Item 37', 'Item 8 of Client 5', 9002, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (38, 1, 'Item 38', 'Item 8 of Client 1', 7121, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (39, 2, 'Item 39', 'Item 8 of Client 2', 5240, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (40, 3, 'Item 40', 'Item 8 of Client 3', 3359, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (41, 4, 'Item 41', 'Item 9 of Client 4', 1478, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (42, 5, 'Item 42', 'Item 9 of Client 5', 9397, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (43, 1, 'Item 43', 'Item 9 of Client 1', 7516, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (44, 2, 'Item 44', 'Item 9 of Client 2', 5635, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (45, 3, 'Item 45', 'Item 9 of Client 3', 3754, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (46, 4, 'Item 46', 'Item 10 of Client 4', 1873, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (47, 5, 'Item 47', 'Item 10 of Client 5', 9792, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (48, 1, 'Item 48', 'Item 10 of Client 1', 7911, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (49, 2, 'Item 49', 'Item 10 of Client 2', 6030, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (50, 3, 'Item 50', 'Item 10 of Client 3', 4149, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (51, 9, 'Item 51', 'Item 1 of Client 9', 2268, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (52, 10, 'Item 52', 'Item 1 of Client 10', 387, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (53, 6, 'Item 53', 'Item 1 of Client 6', 8306, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (54, 7, 'Item 54', 'Item 1 of Client 7', 6425, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (55, 8, 'Item 55', 'Item 1 of Client 8', 4544, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (56, 9, 'Item 56', 'Item 2 of Client 9', 2663, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (57, 10, 'Item 57', 'Item 2 of Client 10', 782, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (58, 6, 'Item 58', 'Item 2 of Client 6', 8701, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (59, 7, 'Item 59', 'Item 2 of Client 7', 6820, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (60, 8, 'Item 60', 'Item 2 of Client 8', 4939, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (61, 9, 'Item 61', 'Item 3 of Client 9', 3058, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (62, 10, 'Item 62', 'Item 3 of Client 10', 1177, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (63, 6, 'Item 63', 'Item 3 of Client 6', 9096, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (64, 7, 'Item 64', 'Item 3 of Client 7', 7215, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (65, 8, 'Item 65', 'Item 3 of Client 8', 5334, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (66, 9, 'Item 66', 'Item 4 of Client 9', 3453, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (67, 10, 'Item 67', 'Item 4 of Client 10', 1572, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (68, 6, 'Item 68', 'Item 4 of Client 6', 9491, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (69, 7, 'Item 69', 'Item 4 of Client 7', 7610, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (70, 8, 'Item 70', 'Item 4 of Client 8', 5729, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (71, 9, 'Item 71', 'Item 5 of Client 9', 3848, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (72, 10, 'Item 72', 'Item 5 of Client 10', 1967, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (73, 6, 'Item 73', 'Item 5 of Client 6', 9886, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (74, 7, 'Item 74', 'Item 5 of Client 7', 8005, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (75, 8, 'Item 75', 'Item 5 of Client 8', 6124, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (76, 9, 'Item 76', 'Item 6 of Client 9', 4243, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (77, 10, 'Item 77', 'Item 6 of Client 10', 2362, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (78, 6, 'Item 78', 'Item 6 of Client 6', 481, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (79, 7, 'Item 79', 'Item 6 of Client 7', 8400, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (80, 8, 'Item 80', 'Item 6 of Client 8', 6519, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (81, 9, 'Item 81', 'Item 7 of Client 9', 4638, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (82, 10, 'Item 82', 'Item 7 of Client 10', 2757, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (83, 6, 'Item 83', 'Item 7 of Client 6', 876, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (84, 7, 'Item 84', 'Item 7 of Client 7', 8795, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (85, 8, 'Item 85', 'Item 7 of Client 8', 6914, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (86, 9, 'Item 86', 'Item 8 of Client 9', 5033, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (87, 10, 'Item 87', 'Item 8 of Client 10', 3152, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (88, 6, 'Item 88', 'Item 8 of Client 6', 1271, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (89, 7, 'Item 89', 'Item 8 of Client 7', 9190, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (90, 8, 'Item 90', 'Item 8 of Client 8', 7309, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (91, 9, 'Item 91', 'Item 9 of Client 9', 5428, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (92, 10, 'Item 92', 'Item 9 of Client 10', 3547, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (93, 6, 'Item 93', 'Item 9 of Client 6', 1666, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (94, 7, 'Item 94', 'Item 9 of Client 7', 9585, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (95, 8, 'Item 95', 'Item 9 of Client 8', 7704, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (96, 9, 'Item 96', 'Item 10 of Client 9', 5823, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (97, 10, 'Item 97', 'Item 10 of Client 10', 3942, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (98, 6, 'Item 98', 'Item 10 of Client 6', 2061, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (99, 7, 'Item 99', 'Item 10 of Client 7', 9980, 'EUR', '2026-11-30 13:17:03.943122+00');
INSERT INTO public.items VALUES (100, 8, 'Item 100', 'Item 10 of Client 8', 8099, 'EUR', '2026-11-30 13:17:03.943122+00');


--
-- Data for Name: order_items; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.order_items VALUES (1, 18, 1);
INSERT INTO public.order_items VALUES (1, 33, 1);
INSERT INTO public.order_items VALUES (1, 48, 1);
INSERT INTO public.order_items VALUES (2, 19, 2);
INSERT INTO public.order_items VALUES (2, 34, 2);
INSERT INTO public.order_items VALUES (2, 49, 2);
INSERT INTO public.order_items VALUES (2, 14, 2);
INSERT INTO public.order_items VALUES (2, 29, 2);
INSERT INTO public.order_items VALUES (3, 20, 3);
INSERT INTO public.order_items VALUES (3, 35, 3);
INSERT INTO public.order_items VALUES (4, 16, 4);
INSERT INTO public.order_items VALUES (4, 31, 4);
INSERT INTO public.order_items VALUES (4, 46, 4);
INSERT INTO public.order_items VALUES (4, 11, 4);
INSERT INTO public.order_items VALUES (5, 17, 5);
INSERT INTO public.order_items VALUES (6, 68, 6);
INSERT INTO public.order_items VALUES (6, 83, 6);
INSERT INTO public.order_items VALUES (6, 98, 6);
INSERT INTO public.order_items VALUES (7, 69, 7);
INSERT INTO public.order_items VALUES (7, 84, 7);
INSERT INTO public.order_items VALUES (7, 99, 7);
INSERT INTO public.order_items VALUES (7, 64, 7);
INSERT INTO public.order_items VALUES (7, 79, 7);
INSERT INTO public.order_items VALUES (8, 70, 8);
INSERT INTO public.order_items VALUES (8, 85, 8);
INSERT INTO public.order_items VALUES (9, 66, 9);
INSERT INTO public.order_items VALUES (9, 81, 9);
INSERT INTO public.order_items VALUES (9, 96, 9);
INSERT INTO public.order_items VALUES (9, 61, 9);
INSERT INTO public.order_items VALUES (10, 72, 10);
INSERT INTO public.order_items VALUES (11, 23, 1);
INSERT INTO public.order_items VALUES (11, 38, 1);
INSERT INTO public.order_items VALUES (11, 3, 1);
INSERT INTO public.order_items VALUES (12, 24, 2);
INSERT INTO public.order_items VALUES (12, 39, 2);
INSERT INTO public.order_items VALUES (12, 4, 2);
INSERT INTO public.order_items VALUES (12, 19, 2);
INSERT INTO public.order_items VALUES (12, 34, 2);
INSERT INTO public.order_items VALUES (13, 25, 3);
INSERT INTO public.order_items VALUES (13, 40, 3);
INSERT INTO public.order_items VALUES (14, 21, 4);
INSERT INTO public.order_items VALUES (14, 36, 4);
INSERT INTO public.order_items VALUES (14, 1, 4);
INSERT INTO public.order_items VALUES (14, 16, 4);
INSERT INTO public.order_items VALUES (15, 22, 5);
INSERT INTO public.order_items VALUES (16, 73, 6);
INSERT INTO public.order_items VALUES (16, 88, 6);
INSERT INTO public.order_items VALUES (16, 53, 6);
INSERT INTO public.order_items VALUES (17, 74, 7);
INSERT INTO public.order_items VALUES (17, 89, 7);
INSERT INTO public.order_items VALUES (17, 54, 7);
INSERT INTO public.order_items VALUES (17, 69, 7);
INSERT INTO public.order_items VALUES (17, 84, 7);
INSERT INTO public.order_items VALUES (18, 75, 8);
INSERT INTO public.order_items VALUES (18, 90, 8);
INSERT INTO public.order_items VALUES (19, 71, 9);
INSERT INTO public.order_items VALUES (19, 86, 9);
INSERT INTO public.order_items VALUES (19, 51, 9);
INSERT INTO public.order_items VALUES (19, 66, 9);
INSERT INTO public.order_items VALUES (20, 77, 10);


--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.orders VALUES (2, 2, 'created', 1, '2026-11-30 13:17:04.001314+00', '2026-11-30 13:17:04.001314+00');
INSERT INTO public.orders VALUES (6, 6, 'created', 1, '2026-11-30 13:17:04.001324+00', '2026-11-30 13:17:04.001324+00');
INSERT INTO public.orders VALUES (7, 7, 'created', 1, '2026-11-30 13:17:04.001326+00', '2026-11-30 13:17:04.001326+00');
INSERT INTO public.orders VALUES (8, 8, 'created', 1, '2026-11-30 13:17:04.001327+00', '2026-11-30 13:17:04.001327+00');
INSERT INTO public.orders VALUES (9, 9, 'created', 1, '2026-11-30 13:17:04.00133+00', '2026-11-30 13:17:04.00133+00');
INSERT INTO public.orders VALUES (10, 10, 'backorder', 1, '2026-11-30 13:17:04.001332+00', '2026-11-30 13:17:04.001332+00');
INSERT INTO public.orders VALUES (11, 1, 'created', 1, '2026-11-30 13:17:04.001334+00', '2026-11-30 13:17:04.001334+00');
INSERT INTO public.orders VALUES (12, 2, 'created', 1, '2026-11-30 13:17:04.001336+00', '2026-11-30 13:17:04.001336+00');
INSERT INTO public.orders VALUES (13, 3, 'created', 1, '2026-11-30 13:17:04.001338+00', '2026-11-30 13:17:04.001338+00');
INSERT INTO public.orders VALUES (14, 4, 'created', 1, '2026-11-30 13:17:04.001339+00', '2026-11-30 13:17:04.001339+00');
INSERT INTO public.orders VALUES (15, 5, 'created', 1, '2026-11-30 13:17:04.001341+00', '2026-11-30 13:17:04.001341+00');
INSERT INTO public.orders VALUES (16, 6, 'created', 1, '2026-11-30 13:17:04.001342+00', '2026-11-30 13:17:04.001342+00');
INSERT INTO public.orders VALUES (18, 8, 'created', 1, '2026-11-30 13:17:04.001346+00', '2026-11-30 13:17:04.001346+00');
INSERT INTO public.orders VALUES (19, 9, 'created', 1, '2026-11-30 13:17:04.001347+00', '2026-11-30 13:17:04.001347+00');
INSERT INTO public.orders VALUES (20, 10, 'backorder', 1, '2026-11-30 13:17:04.001349+00', '2026-11-30 13:17:04.001349+00');
INSERT INTO public.orders VALUES (1, 1, 'shipped', 2, '2026-11-30 13:17:04.001098+00', '2026-11-30 13:17:07.443115+00');
INSERT INTO public.orders VALUES (3, 3, 'shipped', 2, '2026-11-30 13:17:04.001319+00', '2026-11-30 13:17:07.648912+00');
INSERT INTO public.orders VALUES (4, 4, 'shipped', 2, '2026-11-30 13:17:04.001321+00', '2026-11-30 13:17:07.712514+00');
INSERT INTO public.orders VALUES (5, 5, 'canceled', 2, '2026-11-30 13:17:04.001323+00', '2026-11-30 13:17:07.825874+00');
INSERT INTO public.orders VALUES (17, 7, 'shipped', 2, '2026-11-30 13:17:04.001344+00', '2026-11-30 13:17:13.269816+00');


--
-- Name: action_id_seq; Type: SEQUENCE SET; Schema: outbox; Owner: -
--

SELECT pg_catalog.setval('outbox.action_id_seq', 1, false);


--
-- Name: event_id_seq; Type: SEQUENCE SET; Schema: outbox; Owner: -
--

SELECT pg_catalog.setval('outbox.event_id_seq', 5, true);


--
-- Name: charges_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.charges_id_seq', 3, true);


--
-- Name: clients_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.clients_id_seq', 10, true);


--
-- Name: items_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.items_id_seq', 100, true);


--
-- Name: orders_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.orders_id_seq', 20, true);


--
-- Name: action action_idempotency_key_key; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.action
    ADD CONSTRAINT action_idempotency_key_key UNIQUE (idempotency_key);


--
-- Name: action action_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.action
    ADD CONSTRAINT action_pkey PRIMARY KEY (id);


--
-- Name: checkpoint checkpoint_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (subscription, generation);


--
-- Name: cluster cluster_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.cluster
    ADD CONSTRAINT cluster_pkey PRIMARY KEY (singleton);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);


--
-- Name: event_0 event_0_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event_0
    ADD CONSTRAINT event_0_pkey PRIMARY KEY (id);


--
-- Name: event_10000001 event_10000001_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event_10000001
    ADD CONSTRAINT event_10000001_pkey PRIMARY KEY (id);


--
-- Name: event_11000001 event_11000001_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event_11000001
    ADD CONSTRAINT event_11000001_pkey PRIMARY KEY (id);


--
-- Name: event_12000001 event_12000001_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event_12000001
    ADD CONSTRAINT event_12000001_pkey PRIMARY KEY (id);


--
-- Name: event_13000001 event_13000001_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event_13000001
    ADD CONSTRAINT event_13000001_pkey PRIMARY KEY (id);


--
-- Name: event_default event_default_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.event_default
    ADD CONSTRAINT event_default_pkey PRIMARY KEY (id);


--
-- Name: parked parked_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (subscription, event_id);


--
-- Name: subscription subscription_pkey; Type: CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (name);


--
-- Name: charges charges_order_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_order_id_key UNIQUE (order_id);


--
-- Name: charges charges_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (id);


--
-- Name: clients clients_email_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_email_key UNIQUE (email);


--
-- Name: clients clients_id_currency_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_id_currency_key UNIQUE (id, currency);


--
-- Name: clients clients_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (id);


--
-- Name: fulfillment_fees fulfillment_fees_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fulfillment_fees
    ADD CONSTRAINT fulfillment_fees_pkey PRIMARY KEY (client_id);


--
-- Name: item_fees item_fees_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.item_fees
    ADD CONSTRAINT item_fees_pkey PRIMARY KEY (item_id, kind);


--
-- Name: items items_id_client_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_id_client_id_key UNIQUE (id, client_id);


--
-- Name: items items_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (id);


--
-- Name: order_items order_items_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_pkey PRIMARY KEY (order_id, item_id);


--
-- Name: orders orders_id_client_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_id_client_id_key UNIQUE (id, client_id);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);


--
-- Name: action_subscription_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX action_subscription_id_idx ON outbox.action USING btree (subscription, id);


--
-- Name: action_subscription_waiting_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX action_subscription_waiting_idx ON outbox.action USING btree (subscription, id) WHERE (applied_at IS NULL);


--
-- Name: event_aggregate_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_aggregate_idx ON ONLY outbox.event USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_0_aggregate_type_aggregate_id_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_0_aggregate_type_aggregate_id_id_idx ON outbox.event_0 USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_tx_id_idx ON ONLY outbox.event USING btree (tx, id);


--
-- Name: event_0_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_0_tx_id_idx ON outbox.event_0 USING btree (tx, id);


--
-- Name: event_10000001_aggregate_type_aggregate_id_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_10000001_aggregate_type_aggregate_id_id_idx ON outbox.event_10000001 USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_10000001_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_10000001_tx_id_idx ON outbox.event_10000001 USING btree (tx, id);


--
-- Name: event_11000001_aggregate_type_aggregate_id_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_11000001_aggregate_type_aggregate_id_id_idx ON outbox.event_11000001 USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_11000001_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_11000001_tx_id_idx ON outbox.event_11000001 USING btree (tx, id);


--
-- Name: event_12000001_aggregate_type_aggregate_id_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_12000001_aggregate_type_aggregate_id_id_idx ON outbox.event_12000001 USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_12000001_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_12000001_tx_id_idx ON outbox.event_12000001 USING btree (tx, id);


--
-- Name: event_13000001_aggregate_type_aggregate_id_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_13000001_aggregate_type_aggregate_id_id_idx ON outbox.event_13000001 USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_13000001_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_13000001_tx_id_idx ON outbox.event_13000001 USING btree (tx, id);


--
-- Name: event_default_aggregate_type_aggregate_id_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_default_aggregate_type_aggregate_id_id_idx ON outbox.event_default USING btree (aggregate_type, aggregate_id, id);


--
-- Name: event_default_tx_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX event_default_tx_id_idx ON outbox.event_default USING btree (tx, id);


--
-- Name: parked_subscription_key_event_id_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX parked_subscription_key_event_id_idx ON outbox.parked USING btree (subscription, key, event_id);


--
-- Name: subscription_handler_idx; Type: INDEX; Schema: outbox; Owner: -
--

CREATE INDEX subscription_handler_idx ON outbox.subscription USING btree (handler);


--
-- Name: charges_client_id_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX charges_client_id_id_idx ON public.charges USING btree (client_id, id);


--
-- Name: items_client_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX items_client_id_idx ON public.items USING btree (client_id);


--
-- Name: order_items_item_id_client_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX order_items_item_id_client_id_idx ON public.order_items USING btree (item_id, client_id);


--
-- Name: orders_client_id_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX orders_client_id_id_idx ON public.orders USING btree (client_id, id);


--
-- Name: event_0_aggregate_type_aggregate_id_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_aggregate_idx ATTACH PARTITION outbox.event_0_aggregate_type_aggregate_id_id_idx;


--
-- Name: event_0_pkey; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_0_pkey;


--
-- Name: event_0_tx_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_tx_id_idx ATTACH PARTITION outbox.event_0_tx_id_idx;


--
-- Name: event_10000001_aggregate_type_aggregate_id_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_aggregate_idx ATTACH PARTITION outbox.event_10000001_aggregate_type_aggregate_id_id_idx;


--
-- Name: event_10000001_pkey; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_10000001_pkey;


--
-- Name: event_10000001_tx_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_tx_id_idx ATTACH PARTITION outbox.event_10000001_tx_id_idx;


--
-- Name: event_11000001_aggregate_type_aggregate_id_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_aggregate_idx ATTACH PARTITION outbox.event_11000001_aggregate_type_aggregate_id_id_idx;


--
-- Name: event_11000001_pkey; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_11000001_pkey;


--
-- Name: event_11000001_tx_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_tx_id_idx ATTACH PARTITION outbox.event_11000001_tx_id_idx;


--
-- Name: event_12000001_aggregate_type_aggregate_id_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_aggregate_idx ATTACH PARTITION outbox.event_12000001_aggregate_type_aggregate_id_id_idx;


--
-- Name: event_12000001_pkey; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_12000001_pkey;


--
-- Name: event_12000001_tx_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_tx_id_idx ATTACH PARTITION outbox.event_12000001_tx_id_idx;


--
-- Name: event_13000001_aggregate_type_aggregate_id_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_aggregate_idx ATTACH PARTITION outbox.event_13000001_aggregate_type_aggregate_id_id_idx;


--
-- Name: event_13000001_pkey; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_13000001_pkey;


--
-- Name: event_13000001_tx_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_tx_id_idx ATTACH PARTITION outbox.event_13000001_tx_id_idx;


--
-- Name: event_default_aggregate_type_aggregate_id_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_aggregate_idx ATTACH PARTITION outbox.event_default_aggregate_type_aggregate_id_id_idx;


--
-- Name: event_default_pkey; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_pkey ATTACH PARTITION outbox.event_default_pkey;


--
-- Name: event_default_tx_id_idx; Type: INDEX ATTACH; Schema: outbox; Owner: -
--

ALTER INDEX outbox.event_tx_id_idx ATTACH PARTITION outbox.event_default_tx_id_idx;


--
-- Name: event ring; Type: TRIGGER; Schema: outbox; Owner: -
--

CREATE TRIGGER ring AFTER INSERT ON outbox.event FOR EACH STATEMENT EXECUTE FUNCTION outbox.event__ring();


--
-- Name: action tell; Type: TRIGGER; Schema: outbox; Owner: -
--

CREATE TRIGGER tell AFTER INSERT ON outbox.action FOR EACH STATEMENT EXECUTE FUNCTION outbox.call__tell();


--
-- Name: subscription tell; Type: TRIGGER; Schema: outbox; Owner: -
--

CREATE TRIGGER tell AFTER UPDATE OF paused_at ON outbox.subscription FOR EACH ROW WHEN ((old.paused_at IS DISTINCT FROM new.paused_at)) EXECUTE FUNCTION outbox.call__tell();


--
-- Name: orders capture_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE CONSTRAINT TRIGGER capture_insert AFTER INSERT ON public.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.orders__capture();


--
-- Name: orders capture_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE CONSTRAINT TRIGGER capture_update AFTER UPDATE ON public.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.orders__capture();


--
-- Name: orders guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER guard BEFORE UPDATE ON public.orders FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.orders__guard();


--
-- Name: action action_subscription_fkey; Type: FK CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.action
    ADD CONSTRAINT action_subscription_fkey FOREIGN KEY (subscription) REFERENCES outbox.subscription(name);


--
-- Name: checkpoint checkpoint_subscription_fkey; Type: FK CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.checkpoint
    ADD CONSTRAINT checkpoint_subscription_fkey FOREIGN KEY (subscription) REFERENCES outbox.subscription(name);


--
-- Name: parked parked_subscription_fkey; Type: FK CONSTRAINT; Schema: outbox; Owner: -
--

ALTER TABLE ONLY outbox.parked
    ADD CONSTRAINT parked_subscription_fkey FOREIGN KEY (subscription) REFERENCES outbox.subscription(name);


--
-- Name: charges charges_client_id_currency_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_client_id_currency_fkey FOREIGN KEY (client_id, currency) REFERENCES public.clients(id, currency);


--
-- Name: charges charges_order_id_client_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_order_id_client_id_fkey FOREIGN KEY (order_id, client_id) REFERENCES public.orders(id, client_id);


--
-- Name: fulfillment_fees fulfillment_fees_client_id_currency_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fulfillment_fees
    ADD CONSTRAINT fulfillment_fees_client_id_currency_fkey FOREIGN KEY (client_id, currency) REFERENCES public.clients(id, currency);


--
-- Name: item_fees item_fees_item_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.item_fees
    ADD CONSTRAINT item_fees_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.items(id);


--
-- Name: items items_client_id_currency_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_client_id_currency_fkey FOREIGN KEY (client_id, currency) REFERENCES public.clients(id, currency);


--
-- Name: order_items order_items_item_id_client_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_item_id_client_id_fkey FOREIGN KEY (item_id, client_id) REFERENCES public.items(id, client_id);


--
-- Name: order_items order_items_order_id_client_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_order_id_client_id_fkey FOREIGN KEY (order_id, client_id) REFERENCES public.orders(id, client_id);


--
-- Name: orders orders_client_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- PostgreSQL database dump complete
--


