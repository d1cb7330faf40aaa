package dev.outbox.log;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/**
 * The exceptions: events that failed, and those that wait behind one. Written with a checkpoint, whose fence holds for them too.
 *
 * <p>A row can be there although the stored position has not passed its event yet: an event before it took long, or somebody asked for a
 * replay. Such an event comes again from the log, and is left to its row when it comes, not before: earlier ones of its key come first.
 */
@Repository
public final class ParkedEvents {

    /** After so many bytes of payload {@link #next} reads the rows alone. */
    private static final int BYTES = 1024 * 1024;

    private static final String COLUMNS = """
            event_id, p.aggregate_type, key, state, attempts, replayed,
                (extract(epoch from next_attempt_at - clock_timestamp()) * 1000)::bigint as due_ms,
                (extract(epoch from clock_timestamp() - parked_at) * 1000)::bigint as age_ms""";

    /**
     * The rows of a subscription, and whether the position has passed them: what is visible in a snapshot has an id up to its high, and is
     * not of a transaction that is late for it. What the log has no more, since retention has copied it, does not come again either, though
     * a replay may have moved the position back. Indexes parked_pkey, event_pkey, and event_tx_id_idx for what is late.
     *
     * <p>$1 subscription, $2 high, $3 late xids, $4 last, $5 late xids of the target
     */
    static final String KNOWN = """
            with late (id) as materialized (
                select e.id
                from unnest($3::text[]::xid8[]) transaction
                join outbox.event e on e.tx = transaction and e.id <= $2
            ), late_in_window (id) as materialized (
                select e.id
                from unnest($5::text[]::xid8[]) transaction
                join outbox.event e on e.tx = transaction and e.id <= $4
            ), known as (
                select *, (event_id <= $2 and event_id not in (select id from late))
                    or (event_id <= $4 and event_id not in (select id from late_in_window))
                    or (occurred_at is not null and (select e.id from outbox.event e where e.id = event_id) is null) as passed
                from outbox.parked
                where subscription = $1
            )
            """;

    /** Index parked_subscription_key_event_id_idx. $6 whether a dead one holds its key, $7 whether the keys that it holds are left out */
    private static final String HEADS = KNOWN + """
            select *
            from (
                select distinct on (key, aggregate_type) COLUMNS, max(event_id) over (partition by key, aggregate_type) as up_to
                from known p
                where passed and state <> 'discarded' and (state <> 'dead' or $6)
                order by key, aggregate_type, event_id) head
            where state <> 'dead' or not $7
            """.replace("COLUMNS", COLUMNS);

    /** Without order each waits for itself only. */
    private static final String EACH = KNOWN + """
            select COLUMNS, event_id as up_to
            from known p
            where passed and state not in ('discarded', 'dead')
            """.replace("COLUMNS", COLUMNS);

    private static final String SUM = KNOWN + """
            select coalesce(max(event_id) filter (where not passed), 0) as ahead_up_to,
                count(*) filter (where passed and state = 'dead') as dead
            from known
            """;

    /** Index parked_subscription_key_idx. A dead one is the first of its key, or that is known to wait. $6 keys */
    private static final String DEAD_OF = KNOWN + """
            select distinct aggregate_type, key
            from known
            where key = any ($6) and state = 'dead' and passed
            """;

    /** Of those that somebody discarded before the position had passed them, and that it has passed since. */
    private static final String FORGET = KNOWN + """
            delete from outbox.parked p
            using known
            where known.passed and known.state = 'discarded' and p.subscription = $1 and p.event_id = known.event_id
            """;

    /** Before events kept their own key, those of a subscription without order had their id there; an older version still writes it. */
    private static final String KEYS = """
            update outbox.parked p
            set key = e.aggregate_id
            from outbox.event e
            where p.subscription = $1 and p.key = p.event_id::text and e.id = p.event_id and e.aggregate_id <> p.key
            """;

    /** Primary key. $1 subscription, $2 event ids */
    private static final String AMONG = """
            select COLUMNS
            from outbox.parked p
            where subscription = $1 and event_id = any ($2)
            """.replace("COLUMNS", COLUMNS);

    /**
     * Indexes parked_subscription_key_event_id_idx and event_pkey.
     * $1 subscription, $2 key, $3 after, $4 up to, $5 whether dead ones count, $6 limit, $7 bytes, $8 aggregate type
     */
    private static final String NEXT = """
            with next as materialized (
                select *
                from outbox.parked
                where subscription = $1 and key = $2 and aggregate_type = $8 and event_id > $3 and event_id <= $4 and state <> 'discarded'
                  and (state <> 'dead' or $5)
                order by event_id
                limit $6
            ), found as materialized (
                select n.event_id as parked_id, e.*, sum(pg_column_size(e.payload) + coalesce(pg_column_size(e.headers), 0))
                    over (order by n.event_id rows unbounded preceding) <= $7 as fits
                from next n
                cross join lateral (
                    select id, occurred_at, aggregate_type, aggregate_id, type, payload, headers
                    from outbox.event
                    where id = n.event_id
                    union all
                    select n.event_id, n.occurred_at, n.aggregate_type, n.key, n.type, n.payload, n.headers
                    where n.occurred_at is not null
                    limit 1) e
            )
            select COLUMNS, e.id, e.occurred_at, e.aggregate_id, e.type, e.payload::text as payload, e.headers::text as headers
            from next p
            left join found e on e.parked_id = p.event_id and e.fits
            order by p.event_id
            """.replace("COLUMNS", COLUMNS);

    /** $1 subscription, then arrays: event ids, aggregate types, keys, states, attempts, ms until the next attempt, errors, replayed */
    private static final String STORE = """
            insert into outbox.parked as present
                (subscription, event_id, aggregate_type, key, state, attempts, next_attempt_at, error, replayed, attempted_at)
            select $1, event_id, aggregate_type, key, state, attempts, clock_timestamp() + due_ms * interval '1 ms', error, replayed,
                case when attempts > 0 then clock_timestamp() end
            from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::text[], $9::boolean[])
                as parked (event_id, aggregate_type, key, state, attempts, due_ms, error, replayed)
            on conflict (subscription, event_id) do update
            set state = case when excluded.state = 'blocked' and present.state = 'dead' then 'dead' else excluded.state end,
                attempts = greatest(excluded.attempts, case when excluded.state = 'blocked' then present.attempts end),
                next_attempt_at = excluded.next_attempt_at,
                error = coalesce(excluded.error, present.error),
                attempted_at = coalesce(excluded.attempted_at, present.attempted_at)
            """;

    /** Primary key. $1 subscription, $2 event ids */
    private static final String REMOVE = """
            delete from outbox.parked
            where subscription = $1 and event_id = any ($2)
            """;

    /** If more are dead than that, those keys are not in memory that they hold. */
    private static final int DEAD_IN_MEMORY = 10_000;

    private final Database database;

    ParkedEvents(@Qualifier("relay") Database database) {
        this.database = database;
    }

    /**
     * What is parked when a run begins.
     *
     * @param from where it begins to read
     * @param ordered whether events of a key wait for each other
     * @param deadHolds whether a dead event holds its key
     */
    public Mono<Parked> open(String subscription, Position from, boolean ordered, boolean deadHolds) {
        Object[] known = known(subscription, from);
        return database.run(connection -> Database.update(connection, KEYS, subscription)
                .then(Mono.defer(() -> Database.update(connection, FORGET, known)))
                .then(PartitionList.during(
                        connection,
                        () -> sum(connection, known).flatMap(sum -> {
                            boolean aside = ordered && deadHolds && sum.dead() > DEAD_IN_MEMORY;
                            return heads(connection, known, ordered, deadHolds, aside)
                                    .map(heads -> new Parked(heads, sum.aheadUpTo(), aside));
                        }))));
    }

    private record Sum(long aheadUpTo, long dead) {}

    private static Mono<Sum> sum(PostgresqlConnection connection, Object[] known) {
        return Database.rows(connection, row -> new Sum(number(row, "ahead_up_to"), number(row, "dead")), SUM, known)
                .single();
    }

    /**
     * What dead events hold that has one of these keys, of whatever type.
     *
     * @param from where the run began to read, which knows the dead ones of before
     * @param ahead whether rows were ahead then
     */
    public Mono<List<Aggregate>> heldByDead(
            String subscription, Position from, boolean ahead, Collection<String> keys) {
        Object[] known = ahead
                ? known(subscription, from)
                : new Object[] {subscription, Long.MAX_VALUE, new String[0], 0L, new String[0]}; // all are passed
        Object[] values = Arrays.copyOf(known, known.length + 1);
        values[known.length] = keys.toArray(String[]::new);
        return database.run(connection -> {
            Mono<List<Aggregate>> read =
                    Mono.defer(() -> Database.rows(connection, ParkedEvents::aggregate, DEAD_OF, values)
                            .collectList());
            return ahead ? PartitionList.during(connection, () -> read) : read;
        });
    }

    /** The first five values of {@link #KNOWN}. */
    static Object[] known(String subscription, Position position) {
        Position.Target target = position.target();
        return new Object[] {
            subscription,
            position.high(),
            text(position.late()),
            position.last(),
            text(
                    target == null
                            ? LongStream.empty()
                            : Position.after(target, null).late())
        };
    }

    private static Mono<List<ParkedHead>> heads(
            PostgresqlConnection connection, Object[] known, boolean ordered, boolean deadHolds, boolean aside) {
        return ordered
                ? Database.rows(
                                connection,
                                ParkedEvents::head,
                                HEADS,
                                known[0],
                                known[1],
                                known[2],
                                known[3],
                                known[4],
                                deadHolds,
                                aside)
                        .collectList()
                : Database.rows(connection, ParkedEvents::head, EACH, known).collectList();
    }

    /** Those of some events that are parked. */
    public Mono<List<ParkedEvent>> among(String subscription, Collection<Long> eventIds) {
        return database.query(ParkedEvents::parked, AMONG, subscription, eventIds.toArray(Long[]::new));
    }

    /**
     * The next parked events of an aggregate in order of id.
     *
     * @param after only those with higher ids
     * @param upTo only those with ids up to this one
     * @param deadCount whether dead ones are among them
     * @param limit the most
     */
    public Mono<List<ParkedRow>> next(
            String subscription, Aggregate key, long after, long upTo, boolean deadCount, int limit) {
        return database.query(
                ParkedEvents::row,
                NEXT,
                subscription,
                key.id(),
                after,
                upTo,
                deadCount,
                limit,
                (long) BYTES,
                key.type());
    }

    /**
     * Stores these, new or changed, in the transaction of the connection. One that only waits behind another keeps what is known of its
     * attempts.
     */
    public Mono<Void> store(PostgresqlConnection connection, String subscription, Collection<ParkedEvent> parked) {
        return parked.isEmpty()
                ? Mono.empty()
                : Database.update(
                                connection,
                                STORE,
                                subscription,
                                column(parked, ParkedEvent::eventId, new Long[0]),
                                column(parked, event -> event.aggregate().type(), new String[0]),
                                column(parked, event -> event.aggregate().id(), new String[0]),
                                column(parked, ParkedEvents::state, new String[0]),
                                column(parked, ParkedEvent::attempts, new Integer[0]),
                                column(parked, ParkedEvents::due, new Long[0]),
                                column(parked, ParkedEvent::error, new String[0]),
                                column(parked, ParkedEvent::replayed, new Boolean[0]))
                        .then();
    }

    /** Removes those that are done, in the transaction of the connection. */
    public Mono<Void> remove(PostgresqlConnection connection, String subscription, Collection<Long> eventIds) {
        return eventIds.isEmpty()
                ? Mono.empty()
                : Database.update(connection, REMOVE, subscription, eventIds.toArray(Long[]::new))
                        .then();
    }

    private static String[] text(LongStream transactions) {
        return transactions.mapToObj(Long::toString).toArray(String[]::new);
    }

    private static <T> T[] column(Collection<ParkedEvent> parked, Function<ParkedEvent, @Nullable T> value, T[] type) {
        return parked.stream().map(value).toList().toArray(type);
    }

    private static String state(ParkedEvent event) {
        return event.state().name().toLowerCase(Locale.ROOT);
    }

    private static @Nullable Long due(ParkedEvent event) {
        return event.due() == null ? null : event.due().toMillis();
    }

    private static ParkedHead head(Readable row) {
        return new ParkedHead(parked(row), number(row, "up_to"));
    }

    private static ParkedRow row(Readable row) {
        return new ParkedRow(parked(row), row.get("id", Long.class) == null ? null : event(row));
    }

    private static Event event(Readable row) {
        return new Event(
                number(row, "id"),
                requireNonNull(row.get("aggregate_type", String.class)),
                requireNonNull(row.get("aggregate_id", String.class)),
                requireNonNull(row.get("type", String.class)),
                requireNonNull(row.get("occurred_at", Instant.class)),
                requireNonNull(row.get("payload", String.class)),
                row.get("headers", String.class));
    }

    private static ParkedEvent parked(Readable row) {
        Long due = row.get("due_ms", Long.class);
        return new ParkedEvent(
                number(row, "event_id"),
                new Aggregate(
                        requireNonNull(row.get("aggregate_type", String.class)),
                        requireNonNull(row.get("key", String.class))),
                ParkedEvent.State.valueOf(
                        requireNonNull(row.get("state", String.class)).toUpperCase(Locale.ROOT)),
                requireNonNull(row.get("attempts", Integer.class)),
                due == null ? null : Duration.ofMillis(due),
                null,
                is(row, "replayed"),
                Duration.ofMillis(number(row, "age_ms")));
    }

    private static Aggregate aggregate(Readable row) {
        return new Aggregate(
                requireNonNull(row.get("aggregate_type", String.class)), requireNonNull(row.get("key", String.class)));
    }
}
