package dev.outbox.operations;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.AdvisoryLocks;
import dev.outbox.database.Database;
import dev.outbox.operations.SubscriptionReport.At;
import dev.outbox.operations.SubscriptionReport.Circuit;
import dev.outbox.operations.SubscriptionReport.Failure;
import dev.outbox.operations.SubscriptionReport.Lag;
import dev.outbox.operations.SubscriptionReport.Parked;
import dev.outbox.operations.SubscriptionReport.Pause;
import dev.outbox.operations.SubscriptionReport.Replaying;
import dev.outbox.problems.Problem;
import dev.outbox.relay.Relay;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** Reads how the subscriptions are doing. It only looks, at a bounded part of each table. */
@Repository
final class SubscriptionReports {

    /**
     * Whether this instance runs subscription s, or some session holds the lock of who does: as {@code Roster} takes it. Behind a
     * pooler in transaction mode nobody can hold it. LEADS is what this instance runs
     */
    static final String LED = """
            s.name = any (LEADS) or exists (
                select
                from pg_locks
                join pg_stat_activity using (pid)
                where locktype = 'advisory' and objsubid = 1 and mode = 'ExclusiveLock' and granted
                  and application_name = 'outbox listener' and (classid::bigint << 32 | objid::bigint) = {leader}
                  and database = (select oid from pg_database where datname = current_database()))""".replace("{leader}", AdvisoryLocks.leader("s.name"));

    /**
     * $1 subscription or null for all, $2 where counting ends, $3 what this instance runs. The latest checkpoint by checkpoint_pkey, from its end; what waits by event_pkey from
     * the position on, and by event_tx_id_idx for transactions that are late.
     */
    private static final String REPORT =
            """
            select s.name, s.kind, s.types, s.shard, s.shards, s.paused_at, s.paused_by, s.pause_reason, s.circuit_opened_at, s.circuit_error,
                s.parked_full_at is not null as parked_full,
                s.failed_at, s.failure, s.failed_at > clock_timestamp() - interval '30 seconds' as failing,
                s.replayed_through, s.replay_rate, c.generation, c.high, c.last, c.target_high, c.instance, c.created_at,
                LED as led, stranger.*, waiting.events, waiting.seconds, passed.rate,
                parked.retrying, parked.blocked, parked.dead, parked.seconds as parked_seconds,
                (select count(*) from outbox.action a where a.subscription = s.name and a.applied_at is null) as actions
            from outbox.subscription s
            STRANGER
            left join lateral (
                select * from outbox.checkpoint where subscription = s.name order by generation desc limit 1) c on true
            cross join lateral (
                select count(*) as events,
                    coalesce(extract(epoch from clock_timestamp() - min(occurred_at)), 0)::float8 as seconds
                from (
                    (select occurred_at
                        from outbox.event e
                        where e.id > coalesce(case when c.target is null then c.high else c.last end, 0)
                          and (s.types = '{}' or e.type = any (s.types))
                          and (s.shards = 1 or outbox.shard_of(s.name, s.shards, e.aggregate_type, e.aggregate_id) = s.shard)
                          and outbox.is_done(c.done, c.target, c.last, e.tx, e.id) is not true
                        order by e.id
                        limit $2)
                    union all
                    (select occurred_at
                        from outbox.late(coalesce(c.target, c.done), coalesce(c.target_barrier, c.barrier)) late
                        join outbox.event e on e.tx = late
                        where e.id <= case when c.target is null then c.high else c.last end
                          and (s.types = '{}' or e.type = any (s.types))
                          and (s.shards = 1 or outbox.shard_of(s.name, s.shards, e.aggregate_type, e.aggregate_id) = s.shard)
                        limit $2)) undone) waiting
            cross join lateral (
                select (coalesce(sum(greatest(reach - before, 0)), 0)
                    / greatest(1, least(60, extract(epoch from clock_timestamp() - min(since)))))::float8 as rate
                from (
                    select greatest(high, last) as reach, created_at,
                        lag(greatest(high, last)) over (order by generation) as before,
                        lag(created_at) over (order by generation) as since
                    from (select * from outbox.checkpoint where subscription = s.name order by generation desc limit 1000) l) steps
                where created_at > clock_timestamp() - interval '1 minute') passed
            cross join lateral (
                select count(*) filter (where state = 'retrying') as retrying, count(*) filter (where state = 'blocked') as blocked,
                    count(*) filter (where state = 'dead') as dead,
                    coalesce(extract(epoch from clock_timestamp() - min(parked_at)), 0)::float8 as seconds
                from (select state, parked_at from outbox.parked where subscription = s.name limit $2) p) parked
            where s.retired_at is null and ($1::text is null or s.name = $1)
            order by s.name
            """.replace("LED", LED).replace("LEADS", "$3").replace("STRANGER", Holder.SQL);

    /** What is in force of a handler. Index subscription_handler_idx. $1 name of a subscription, or what it was or could be */
    private static final String IN_FORCE = """
            select name
            from outbox.subscription
            where handler = split_part($1, '.', 1) and retired_at is null
            order by shard
            """;

    private static final int COUNTED = 100_000;

    private final Database database;
    private final Relay relay;

    SubscriptionReports(Database database, Relay relay) {
        this.database = database;
        this.relay = relay;
    }

    Mono<List<SubscriptionReport>> all() {
        return read(null);
    }

    Mono<SubscriptionReport> of(String subscription) {
        return known(subscription)
                .then(Mono.defer(() -> read(subscription)))
                .flatMap(
                        rows -> rows.isEmpty() ? Mono.error(unknown(subscription, List.of())) : Mono.just(rows.get(0)));
    }

    private Mono<List<SubscriptionReport>> read(@Nullable String subscription) {
        return database.query(SubscriptionReports::report, REPORT, subscription, COUNTED, leads(relay));
    }

    /** For a parameter. */
    static String[] leads(Relay relay) {
        return relay.leads().toArray(String[]::new);
    }

    /** Fails if there is no such subscription, or none any more because its handler is split in another way. */
    Mono<String> known(String subscription) {
        return database.query(row -> text(row, "name"), IN_FORCE, subscription)
                .flatMap(names -> names.contains(subscription)
                        ? Mono.just(subscription)
                        : Mono.error(unknown(subscription, names)));
    }

    private static Problem unknown(String subscription, List<String> shards) {
        String name = "\"" + subscription + "\"";
        return shards.isEmpty()
                ? Problem.unknown("subscription", name)
                : Problem.unknown("subscription", name + ": its handler is run as " + String.join(", ", shards))
                        .with("shards", shards);
    }

    private static SubscriptionReport report(Readable row) {
        Pause paused = paused(row);
        Circuit circuit = circuit(row);
        boolean led = is(row, "led");
        Holder holder = Holder.of(row);
        long waiting = number(row, "events");
        return new SubscriptionReport(
                text(row, "name"),
                text(row, "kind"),
                List.of(requireNonNull(row.get("types", String[].class))),
                requireNonNull(row.get("shard", Integer.class)),
                requireNonNull(row.get("shards", Integer.class)),
                paused != null ? "paused" : circuit != null ? "circuit-open" : led ? running(row) : unled(holder),
                led ? row.get("instance", String.class) : null,
                led ? null : holder,
                position(row),
                new Lag(Math.min(waiting, COUNTED), waiting >= COUNTED, real(row, "seconds")),
                real(row, "rate"),
                new Parked(
                        number(row, "retrying"),
                        number(row, "blocked"),
                        number(row, "dead"),
                        real(row, "parked_seconds")),
                paused,
                circuit,
                failure(row),
                number(row, "replayed_through") == 0
                        ? null
                        : new Replaying(number(row, "replayed_through"), row.get("replay_rate", Integer.class)),
                number(row, "actions"));
    }

    private static String unled(@Nullable Holder holder) {
        return holder == null ? "nobody-leads" : "held-by-stranger";
    }

    private static String running(Readable row) {
        if (is(row, "failing")) {
            return "failing";
        }
        return is(row, "parked_full") ? "parked-full" : "running";
    }

    private static @Nullable At position(Readable row) {
        Long windowEnd = row.get("target_high", Long.class);
        return row.get("generation", Long.class) == null
                ? null
                : new At(
                        number(row, "generation"),
                        number(row, "high"),
                        windowEnd == null ? null : number(row, "last"),
                        windowEnd,
                        requireNonNull(row.get("created_at", Instant.class)));
    }

    static @Nullable Pause paused(Readable row) {
        Instant since = row.get("paused_at", Instant.class);
        return since == null ? null : new Pause(text(row, "paused_by"), since, row.get("pause_reason", String.class));
    }

    static @Nullable Circuit circuit(Readable row) {
        Instant since = row.get("circuit_opened_at", Instant.class);
        return since == null ? null : new Circuit(since, text(row, "circuit_error"));
    }

    private static @Nullable Failure failure(Readable row) {
        Instant at = row.get("failed_at", Instant.class);
        return at == null ? null : new Failure(at, text(row, "failure"));
    }

    private static double real(Readable row, String column) {
        return requireNonNull(row.get(column, Double.class));
    }
}
