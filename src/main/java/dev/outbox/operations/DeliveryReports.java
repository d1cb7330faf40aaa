package dev.outbox.operations;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import dev.outbox.relay.Relay;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** Says for each subscription why an event is or is not delivered. */
@Repository
final class DeliveryReports {

    /** One statement for all subscriptions: index event_pkey, checkpoint_pkey from its end, parked_pkey. All have passed what the log has no more. $1 event, $2 where counting ends, $3 what this instance runs */
    private static final String WHY =
            """
            select s.name, outbox.shard_of(s.name, s.shards, e.aggregate_type, e.aggregate_id) = s.shard as own, s.paused_at, s.paused_by, s.pause_reason, s.circuit_opened_at, s.circuit_error,
                e.type, s.types = '{}' or e.type = any (s.types) as wanted,
                coalesce(outbox.is_done(c.done, c.target, c.last, e.tx, e.id), false) as done, c.target is not null as in_window,
                c.high, c.last, c.target_high, LED as led, p.state, p.attempts, p.next_attempt_at, p.error,
                (select min(first.event_id)
                    from outbox.parked first
                    where first.subscription = s.name and first.key = p.key and first.aggregate_type = p.aggregate_type
                      and first.event_id < e.id) as blocked_by,
                exists (
                    select
                    from outbox.action a
                    where a.subscription = s.name and a.name = 'discard' and a.result -> 'ids' @> to_jsonb(e.id)
                      and not exists (
                          select
                          from outbox.action r
                          where r.subscription = s.name and r.name = 'replay' and r.id > a.id
                            and case
                                when r.applied_at is null or r.result ? 'error' or r.result ? 'cancelled' then false
                                when r.result ? 'through'
                                    then e.id between (r.result ->> 'from')::bigint and (r.result ->> 'through')::bigint
                                when e.aggregate_id <> coalesce(r.arguments ->> 'key', e.aggregate_id)
                                    or e.aggregate_type <> coalesce(r.arguments ->> 'aggregateType', e.aggregate_type)
                                    or e.type <> coalesce(r.arguments ->> 'type', e.type) then false
                                when coalesce(r.arguments ->> 'from', 'beginning') = 'beginning' then true
                                when r.arguments ->> 'from' ~ '^[0-9]+$' then e.id >= (r.arguments ->> 'from')::bigint
                                else e.occurred_at >= (r.arguments ->> 'from')::timestamptz
                            end)) as discarded,
                case when outbox.is_done(c.done, c.target, c.last, e.tx, e.id) is not true then (
                    select count(*)
                    from (
                        select
                        from outbox.event before
                        where before.id > coalesce(case when c.target is null then c.high else c.last end, 0) and before.id < e.id
                          and (s.types = '{}' or before.type = any (s.types))
                          and (s.shards = 1
                              or outbox.shard_of(s.name, s.shards, before.aggregate_type, before.aggregate_id) = s.shard)
                          and outbox.is_done(c.done, c.target, c.last, before.tx, before.id) is not true
                        order by before.id
                        limit $2) b) end as behind
            from (
                select id, tx, occurred_at, aggregate_type, aggregate_id, type from outbox.event where id = $1
                union all
                select k.event_id, '3'::xid8, k.occurred_at, k.aggregate_type, k.key, k.type
                from outbox.subscription o
                join outbox.parked k on k.subscription = o.name and k.event_id = $1 and k.occurred_at is not null
                limit 1) e
            cross join outbox.subscription s
            left join lateral (
                select * from outbox.checkpoint where subscription = s.name order by generation desc limit 1) c on true
            left join outbox.parked p on p.subscription = s.name and p.event_id = e.id
            where s.retired_at is null
            order by s.name
            """.replace("LED", SubscriptionReports.LED).replace("LEADS", "$3");

    private static final int COUNTED = 100_000;

    private final Database database;
    private final Relay relay;

    DeliveryReports(Database database, Relay relay) {
        this.database = database;
        this.relay = relay;
    }

    /** One report for each subscription. */
    Mono<List<DeliveryReport>> of(long event) {
        return database.query(DeliveryReports::report, WHY, event, COUNTED, SubscriptionReports.leads(relay));
    }

    private static DeliveryReport report(Readable row) {
        String state = state(row);
        boolean open =
                !List.of("of-another-shard", "unwanted", "done", "discarded").contains(state);
        return new DeliveryReport(
                text(row, "name"),
                state,
                said(row, state) + (open ? heldUp(row) : "") + ".",
                state.equals("waiting") ? row.get("behind", Long.class) : null,
                state.equals("blocked") ? row.get("blocked_by", Long.class) : null,
                row.get("attempts", Integer.class),
                row.get("next_attempt_at", Instant.class),
                row.get("error", String.class),
                open ? SubscriptionReports.paused(row) : null,
                open ? SubscriptionReports.circuit(row) : null);
    }

    private static String state(Readable row) {
        String parked = row.get("state", String.class);
        if (parked != null) {
            return parked;
        }
        if (!is(row, "own")) {
            return "of-another-shard";
        }
        if (!is(row, "wanted")) {
            return "unwanted";
        }
        return !is(row, "done") ? "waiting" : is(row, "discarded") ? "discarded" : "done";
    }

    private static String said(Readable row, String state) {
        return switch (state) {
            case "of-another-shard" -> "The events of its key are those of another shard";
            case "unwanted" -> "Not subscribed to " + row.get("type", String.class);
            case "discarded" -> "Discarded by an operator";
            case "done" -> "Done: the position is " + position(row);
            case "retrying" -> "Parked until " + row.get("next_attempt_at", Instant.class) + ", when it is tried again";
            case "blocked" -> "Parked" + blocked(row.get("blocked_by", Long.class));
            case "dead" -> "Given up; it waits for somebody to retry or discard it";
            default -> "Waiting in the log behind " + row.get("behind", Long.class) + " events";
        };
    }

    private static String blocked(@Nullable Long by) {
        return by == null ? "; it is the first of its key and tried next" : ", blocked behind event " + by;
    }

    private static String position(Readable row) {
        return is(row, "in_window")
                ? "event " + row.get("last", Long.class) + " on the way to " + row.get("target_high", Long.class)
                : "the end of the log, behind event " + row.get("high", Long.class);
    }

    /** What holds up the subscription as a whole. */
    private static String heldUp(Readable row) {
        SubscriptionReport.Pause paused = SubscriptionReports.paused(row);
        SubscriptionReport.Circuit circuit = SubscriptionReports.circuit(row);
        return (paused == null ? "" : "; the subscription is paused by " + paused.by() + " since " + paused.since())
                + (circuit == null ? "" : "; its circuit is open since " + circuit.since())
                + (is(row, "led") ? "" : "; no instance leads it");
    }
}
