package dev.outbox.log;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** Finds in the log what is to be delivered again. */
@Repository
public class Replays {

    /**
     * Now, and the lowest id that is not done of transactions that are late, by index event_tx_id_idx. One statement, because the
     * second has to see all that is visible in the first; in a transaction of its own, because its barrier has to be drawn after
     * its snapshot. $1 late xids, $2 the highest id of theirs that matters
     */
    private static final String NOW = ServerHistory.in("""
            select pg_current_snapshot()::text as snapshot, pg_current_xact_id()::text::bigint as barrier,
                (select coalesce(max(id), 0) from outbox.event) as high,
                (select min(late.id)
                    from unnest($1::text[]::xid8[]) transaction
                    cross join lateral (
                        select id
                        from outbox.event
                        where (tx, id) > (transaction, 0) and (tx, id) <= (transaction, $2)
                        order by tx, id
                        limit 1) late) as late,
                {history} as history
            """);

    /**
     * By halves (event_pkey) to the last event before a minute before the instant, then one by one: ids are in the order of time but for
     * what happens side by side.
     */
    private static final String SINCE = """
            with recursive half (low, high) as (
                select coalesce(min(id), 1), coalesce(max(id), 0) + 1
                from outbox.event
                union all
                select case when e.occurred_at < $1::timestamptz - interval '1 minute' then e.id + 1 else h.low end,
                    case when e.occurred_at < $1::timestamptz - interval '1 minute' then h.high else (h.low + h.high) / 2 end
                from half h
                left join lateral (
                    select id, occurred_at from outbox.event where id >= (h.low + h.high) / 2 order by id limit 1) e on true
                where h.low < h.high
            )
            select coalesce(
                (select id
                    from outbox.event
                    where id >= (select max(low) from half) and occurred_at >= $1::timestamptz
                    order by id
                    limit 1),
                (select max(high) from half)) as id
            """;

    /** Index event_pkey. $1 from, $2 types, $3 type or null, $4 done, $5 target, $6 last, $7 limit, $8 shard, $9 of how many */
    private static final String COUNT = """
            select count(*) as events, '{}'::text[] as aggregate_types
            from (
                select
                from outbox.event e
                where id >= $1 and ($2::text[] = '{}' or type = any ($2::text[])) and ($3::text is null or type = $3)
                  and ($9 = 1 or outbox.shard(aggregate_type, aggregate_id, $9) = $8)
                  and outbox.is_done($4::text::pg_snapshot, $5::text::pg_snapshot, $6, tx, id)
                order by id
                limit $7) matching
            """;

    /** Index event_aggregate_idx, once for each kind of thing. $1 to $9 as above, $10 key, $11 its type or null */
    private static final String COUNT_OF_KEY = """
            with recursive kind (name) as (
                (select aggregate_type from outbox.event order by aggregate_type limit 1)
                union all
                select (select aggregate_type from outbox.event where aggregate_type > name order by aggregate_type limit 1)
                from kind
                where name is not null
            )
            select count(*) as events, array_agg(distinct aggregate_type order by aggregate_type) as aggregate_types
            from (
                select aggregate_type
                from kind
                join outbox.event on aggregate_type = name and aggregate_id = $10
                where id >= $1 and ($11::text is null or name = $11) and ($2::text[] = '{}' or type = any ($2::text[])) and ($3::text is null or type = $3)
                  and ($9 = 1 or outbox.shard(aggregate_type, aggregate_id, $9) = $8)
                  and outbox.is_done($4::text::pg_snapshot, $5::text::pg_snapshot, $6, tx, id)
                limit $7) matching
            """;

    private static final String WITHIN = "select set_config('statement_timeout', $1, true) as within";

    /** Counting is for somebody who waits, and the subscription may wait with him. */
    private static final Duration COUNT_WITHIN = Duration.ofSeconds(5);

    private final Database database;
    private final Duration countWithin;

    @Autowired
    Replays(@Qualifier("logReaders") Database database) {
        this(database, COUNT_WITHIN);
    }

    Replays(Database database, Duration countWithin) {
        this.database = database;
        this.countWithin = countWithin;
    }

    /** The event id that a replay is asked to begin with. */
    public Mono<Long> start(Arguments arguments) {
        String from = arguments.from();
        if (from == null) {
            return Mono.just(1L);
        }
        return from.chars().allMatch(Character::isDigit)
                ? Mono.just(Long.parseLong(from))
                : one(row -> number(row, "id"), SINCE, Instant.parse(from));
    }

    /**
     * The position from which everything from an id on is delivered again: a window from there to now. It begins earlier if something earlier
     * is not done yet, so a replay loses nothing.
     *
     * <p>Why that is so: what is visible now and has an id from the start on is in the window; what is not visible now comes behind it, by
     * the rule of every {@link Position}. Left is what is visible now, below the start, and not done under the present
     * position. At the tail everything up to {@code high} is done but for the events of {@code late()}. In a window everything up to
     * {@code last} is done but for what is not visible in its target, which up to there is of the target's late transactions. So
     * nothing below the least of the id that was asked for, the reach + 1 and the lowest event of those late ones is undone.
     *
     * @return fails with {@link StalePositionException} if the server has another history than the one that the position was read from
     */
    public Mono<Position> rewind(Position present, long asked) {
        String[] late = present.end().late().mapToObj(Long::toString).toArray(String[]::new);
        return one(row -> rewound(row, present, asked), NOW, late, present.reach());
    }

    /** The only row of a statement that runs in a transaction of its own, by a list of partitions that does not change. */
    private <T> Mono<T> one(Function<Readable, T> row, String sql, @Nullable Object... values) {
        return database.run(connection -> PartitionList.during(
                connection, () -> Database.rows(connection, row, sql, values).single()));
    }

    /**
     * How many events from an id on are done under a position and fit.
     *
     * @param subscribed what the subscription wants
     * @param limit where counting ends
     * @return fails with {@link TooLongToCountException} if it takes more than five seconds, and with {@link AmbiguousKeyException} if
     *     they are of several kinds of things with the same key
     */
    public Mono<Long> count(Position position, Wanted subscribed, Arguments arguments, long from, long limit) {
        Position.Target target = position.target();
        String[] wanted = subscribed.sortedTypes();
        String done = position.done().text();
        String end = target == null ? null : target.snapshot().text();
        @Nullable String type = arguments.type();
        String key = arguments.key();
        return key == null
                ? counted(
                                COUNT,
                                from,
                                wanted,
                                type,
                                done,
                                end,
                                position.last(),
                                limit,
                                subscribed.shard(),
                                subscribed.shards())
                        .map(Counted::events)
                : counted(
                                COUNT_OF_KEY,
                                from,
                                wanted,
                                type,
                                done,
                                end,
                                position.last(),
                                limit,
                                subscribed.shard(),
                                subscribed.shards(),
                                key,
                                arguments.aggregateType())
                        .flatMap(found -> found.types.size() > 1
                                ? Mono.error(new AmbiguousKeyException(key, found.types))
                                : Mono.just(found.events));
    }

    private record Counted(long events, List<String> types) {}

    private Mono<Counted> counted(String sql, @Nullable Object... values) {
        return database.inTransaction(connection -> Database.rows(
                                connection, row -> true, WITHIN, Long.toString(countWithin.toMillis()))
                        .then(PartitionList.during(
                                connection,
                                () -> Database.rows(connection, Replays::counted, sql, values)
                                        .single())))
                .onErrorMap(
                        error -> error instanceof DatabaseUnavailableException away && away.ranOutOfTime(),
                        error -> new TooLongToCountException(countWithin, error));
    }

    private static Counted counted(Readable row) {
        String[] types = row.get("aggregate_types", String[].class);
        return new Counted(number(row, "events"), types == null ? List.of() : List.of(types));
    }

    private static Position rewound(Readable row, Position present, long asked) {
        String history = ServerHistory.common(present.history(), row.get("history", String.class));
        Long late = row.get("late", Long.class);
        long undone = Math.min(present.reach() + 1, late == null ? Long.MAX_VALUE : late);
        Position.Target now =
                new Position.Target(new Snapshot(text(row, "snapshot")), number(row, "barrier"), number(row, "high"));
        return Position.replay(now, Math.max(1, Math.min(asked, undone))).on(history);
    }
}
