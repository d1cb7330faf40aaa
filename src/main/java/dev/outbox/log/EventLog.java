package dev.outbox.log;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Timed;

/** The log of all events: reads them in windows of visibility, so that none is missed and none comes twice. */
@Repository
public class EventLog {

    /**
     * One page and, in its first row, what is known about it. Late events (index event_tx_id_idx) are those of transactions that
     * were still running at the position; their bounds are pairs, which only that index can serve. Fresh ones (event_pkey) have ids above all that were seen. The barrier xid is drawn
     * within the statement, so after its snapshot was taken, and only if there is something to read. A page ends with the
     * event that makes it larger than so many bytes, as they are stored, which can be told without reading them.
     *
     * <p>$1 high, $2 last, $3 late xids, $4 done, $5 target or null, $6 target's high or null, $7 limit, $8 types or null for all,
     * $9 the barrier to settle, $10 shard, $11 of how many, $12 bytes
     */
    static final String PAGE = in("""
            with late as materialized (
                select e.id, e.occurred_at, e.aggregate_type, e.aggregate_id, e.type, e.payload, e.headers
                from unnest($3::text[]::xid8[]) transaction
                cross join lateral (
                    select *
                    from outbox.event
                    where (tx, id) > (transaction, $2) and (tx, id) <= (transaction, $1)
                      and ($5::text is null or pg_visible_in_snapshot(tx, (select $5::text::pg_snapshot)))
                    order by tx, id
                    limit $7) e
            ), fresh as materialized (
                select id, occurred_at, aggregate_type, aggregate_id, type, payload, headers
                from outbox.event
                where id > greatest($1, $2) and id <= coalesce($6, 9223372036854775807)
                  and not pg_visible_in_snapshot(tx, (select $4::text::pg_snapshot))
                  and ($5::text is null or pg_visible_in_snapshot(tx, (select $5::text::pg_snapshot)))
                order by id
                limit $7
            ), found as materialized (
                select * from (select * from late union all select * from fresh) e
                order by id
                limit $7
            ), read as materialized (
                select count(*) as found, max(id) as last,
                    sum(pg_column_size(payload)) + coalesce(sum(pg_column_size(headers)), 0) > $12 as large
                from found
            ), page as materialized (
                select found, large, case when large then (
                    select min(id)
                    from (
                        select id, sum(pg_column_size(payload) + coalesce(pg_column_size(headers), 0))
                            over (order by id rows unbounded preceding) as bytes
                        from found) e
                    where bytes > $12) else last end as last
                from read
            )
            select case when large then (select count(*) from found where id <= last) else found end as size,
                found,
                last as id,
                pg_current_snapshot()::text as snapshot,
                case when $5::text is null and found > 0 then pg_current_xact_id()::text::bigint end as barrier,
                case when $5::text is null and found > 0
                    then greatest($1, (select max(id) from outbox.event where id > $1)) end as high,
                pg_snapshot_xmin(pg_current_snapshot()) >= $9::text::xid8 as settled,
                {history} as history,
                case when $5::text is not null or found > 0 then {partitions} end as partitions,
                null::timestamptz as occurred_at, null as aggregate_type, null as aggregate_id, null as type,
                null as payload, null as headers
            from page
            union all
            select null, null, id, null, null, null, null, null, null,
                occurred_at, aggregate_type, aggregate_id, type, payload::text, headers::text
            from found
            where id <= (select last from page)
                and ($8::text[] is null or type = any ($8::text[])) and ($11 = 1 or outbox.shard(aggregate_type, aggregate_id, $11) = $10)
            """);

    private static final String END = in("""
            select pg_current_snapshot()::text as snapshot, pg_current_xact_id()::text::bigint as barrier,
                (select coalesce(max(id), 0) from outbox.event) as high,
                {history} as history, {partitions} as partitions
            where $1
            """);

    /**
     * The events of one key: their ids by event_aggregate_idx, then one after the other by event_pkey, until the page is large enough or
     * full. Their texts count, since what is stored may be a hundredth of them; so none is unpacked that is not on the page.
     *
     * <p>$1 type, $2 key, $3 after, $4 limit, $5 bytes
     */
    private static final String OF_KEY = """
            with recursive present as materialized (
                select array_agg(id order by id) as ids
                from (
                    select id
                    from outbox.event
                    where aggregate_type = $1 and aggregate_id = $2 and id > $3
                    order by id
                    limit $4::int + 1) e
            ), page (size, id, bytes) as (
                select 0, null::bigint, 0::bigint
                union all
                select size + 1, ids[size + 1], bytes + (
                    select octet_length(payload::text) + coalesce(octet_length(headers::text), 0)
                    from outbox.event e
                    where e.id = ids[size + 1])
                from page
                cross join present
                where size < least($4::int, cardinality(ids)) and bytes <= $5
            )
            select id, occurred_at, aggregate_type, aggregate_id, type, payload::text as payload, headers::text as headers,
                (select cardinality(ids) from present) > (select max(size) from page) as more
            from page
            join outbox.event using (id)
            order by id
            """;

    /** Index event_pkey, once for each; of those that are not there the copy in a parked row, by parked_pkey. */
    private static final String SOME = """
            select e.id, e.occurred_at, e.aggregate_type, e.aggregate_id, e.type, e.payload::text as payload,
                e.headers::text as headers
            from unnest($1::bigint[]) wanted (id)
            cross join lateral (
                select id, occurred_at, aggregate_type, aggregate_id, type, payload, headers
                from outbox.event
                where id = wanted.id
                union all
                select p.event_id, p.occurred_at, p.aggregate_type, p.key, p.type, p.payload, p.headers
                from outbox.subscription s
                join outbox.parked p on p.subscription = s.name and p.event_id = wanted.id and p.occurred_at is not null
                limit 1) e
            order by e.id
            """;

    private static final String SNAPSHOT =
            "select pg_current_snapshot()::text || ' in ' || " + ServerHistory.SQL + " as snapshot where $1";

    private static final String BARRIER = "select pg_current_xact_id()::text::bigint as barrier where $1";

    /** A message for nobody, so that there is something to flush; as durable as the session's setting says. */
    private static final String COMMIT = "select pg_logical_emit_message(true, 'outbox', '')::text as lsn where $1";

    private static final int PAGE_BYTES = 4 * 1024 * 1024;

    /** People read these, many at once perhaps. */
    private static final int KEY_PAGE_BYTES = 1024 * 1024;

    private static final String IDENTITY = "select id from outbox.identity";

    private final Database database;
    private final Mono<UUID> identity;
    private final int pageBytes;
    private final PartitionList partitions;

    @Autowired
    EventLog(@Qualifier("logReaders") Database database) {
        this(database, PAGE_BYTES);
    }

    EventLog(Database database, int pageBytes) {
        this(database, pageBytes, new PartitionList());
    }

    EventLog(Database database, int pageBytes, PartitionList partitions) {
        this.database = database;
        this.identity = Mono.defer(() -> database.query(row -> requireNonNull(row.get("id", UUID.class)), IDENTITY))
                .map(rows -> rows.get(0))
                .cacheInvalidateIf(known -> false);
        this.pageBytes = pageBytes;
        this.partitions = partitions;
    }

    /** Which log this is: part of the uid of each event. */
    public Mono<UUID> identity() {
        return identity;
    }

    /** Behind every event that is visible now. */
    public Mono<Position> end() {
        return partitions
                .unchanged(() -> ask(EventLog::end, END, true).map(rows -> rows.get(0)), End::partitions)
                .map(End::position);
    }

    private record End(Position position, String partitions) {}

    private static End end(Readable row) {
        Position.Target here =
                new Position.Target(new Snapshot(text(row, "snapshot")), number(row, "barrier"), number(row, "high"));
        return new End(Position.after(here, text(row, "history")), text(row, "partitions"));
    }

    /** One statement in its own transaction, which is READ COMMITTED: in another its snapshot would be older than its plan. */
    private <T> Mono<List<T>> ask(Function<Readable, T> row, String sql, @Nullable Object... values) {
        return partitions.needsTransaction()
                ? database.inTransaction(connection ->
                        Database.rows(connection, row, sql, values).collectList())
                : database.query(row, sql, values);
    }

    /** Draws an xid: transactions that draw theirs later have higher ones. */
    public Mono<Long> barrier() {
        return database.query(row -> number(row, "barrier"), BARRIER, true).map(rows -> rows.get(0));
    }

    /**
     * Which transactions have ended, in which history of the server, as a text: as long as it is the same, nothing has become visible. Much
     * cheaper than a page.
     */
    public Mono<String> snapshot() {
        return database.query(row -> text(row, "snapshot"), SNAPSHOT, true).map(rows -> rows.get(0));
    }

    /** Commits a transaction that changes nothing. @return how long it took, about as long as a writer waits for a commit */
    public Mono<Duration> commit() {
        return database.query(row -> text(row, "lsn"), COMMIT, true).timed().map(Timed::elapsed);
    }

    /**
     * Reads the next page.
     *
     * @param from what the reader has done
     * @param limit the most events to read, wanted or not; fewer if they are large
     * @param wanted which events to return. The position moves past the others too.
     * @param barrier what {@link Page#settled()} is asked about; 0 if it is not
     * @return fails with {@link StalePositionException} if the server has another history than the one that the position was read from
     */
    public Mono<Page> page(Position from, int limit, Wanted wanted, long barrier) {
        return partitions
                .unchanged(
                        () -> rows(from, limit, wanted, barrier),
                        rows -> summary(rows).partitions())
                .map(rows -> page(from, limit, rows));
    }

    private Mono<List<Object>> rows(Position from, int limit, Wanted wanted, long barrier) {
        Position.Target target = from.target();
        return ask(
                EventLog::row,
                PAGE,
                from.high(),
                from.last(),
                from.late().mapToObj(Long::toString).toArray(String[]::new),
                from.done().text(),
                target == null ? null : target.snapshot().text(),
                target == null ? Parameters.in(Long.class) : target.high(),
                limit,
                wanted.types().isEmpty() ? null : wanted.sortedTypes(),
                Long.toString(barrier),
                wanted.shard(),
                wanted.shards(),
                pageBytes);
    }

    /**
     * The events of one key with ids above {@code after}, the oldest first: at most {@code limit}, fewer if they are large, at least one if
     * there is one.
     */
    public Mono<KeyPage> ofKey(String aggregateType, String key, long after, int limit) {
        return unchanged(EventLog::eventOfKey, OF_KEY, aggregateType, key, after, limit, KEY_PAGE_BYTES)
                .map(KeyPage::of);
    }

    /** One event; empty if it is neither in the log nor parked. */
    public Mono<Event> event(long id) {
        return events(List.of(id))
                .flatMap(found -> Mono.justOrEmpty(found.stream().findFirst()));
    }

    /** Those of these events that are in the log or, if that has them no more, parked; in order of id. */
    public Mono<List<Event>> events(Collection<Long> ids) {
        Long[] wanted = ids.stream().distinct().toArray(Long[]::new);
        return database.query(EventLog::event, SOME, (Object) wanted)
                .flatMap(found -> found.size() == wanted.length
                        ? Mono.just(found)
                        : unchanged(EventLog::event, SOME, (Object) wanted));
    }

    private <T> Mono<List<T>> unchanged(Function<Readable, T> row, String sql, Object... values) {
        return database.run(connection -> PartitionList.during(
                connection, () -> Database.rows(connection, row, sql, values).collectList()));
    }

    private static String in(String statement) {
        return PartitionList.in(ServerHistory.in(statement));
    }

    private static Page page(Position from, int limit, List<Object> rows) {
        Summary summary = summary(rows);
        List<Event> events = new ArrayList<>(rows.size());
        for (Object row : rows) {
            if (row instanceof Event event) {
                events.add(event);
            }
        }
        events.sort(Comparator.comparingLong(Event::id));
        String history = ServerHistory.common(from.history(), summary.history());
        return page(from.on(history), limit, summary, List.copyOf(events));
    }

    private static Summary summary(List<Object> rows) {
        return rows.stream()
                .filter(Summary.class::isInstance)
                .map(Summary.class::cast)
                .findFirst()
                .orElseThrow();
    }

    private static Page page(Position from, int limit, Summary summary, List<Event> events) {
        Position.Target target = from.target() == null ? summary.target() : from.target();
        if (target == null) {
            return new Page(events, 0, summary.settled(), from, from);
        }
        Position after = summary.found() < limit && summary.found() == summary.size()
                ? Position.after(target, from.history())
                : from.upTo(target, summary.last());
        return new Page(events, summary.size(), summary.settled(), from, after);
    }

    /**
     * What a read of the log says beside the events.
     *
     * @param size how many events it read, wanted or not
     * @param found how many it would have read if they were small
     * @param target there if the read began at the tail and found any
     * @param partitions null if the position does not move
     */
    private record Summary(
            int size,
            int found,
            long last,
            Position.@Nullable Target target,
            boolean settled,
            String history,
            @Nullable String partitions) {}

    private static Object row(Readable row) {
        Long size = row.get("size", Long.class);
        return size == null ? event(row) : summary(row, size.intValue());
    }

    private static Summary summary(Readable row, int size) {
        Long barrier = row.get("barrier", Long.class);
        Position.Target target = barrier == null
                ? null
                : new Position.Target(new Snapshot(text(row, "snapshot")), barrier, number(row, "high"));
        return new Summary(
                size,
                (int) number(row, "found"),
                size == 0 ? 0 : number(row, "id"),
                target,
                requireNonNull(row.get("settled", Boolean.class)),
                text(row, "history"),
                row.get("partitions", String.class));
    }

    private static KeyPage.Row eventOfKey(Readable row) {
        return new KeyPage.Row(event(row), requireNonNull(row.get("more", Boolean.class)));
    }

    private static Event event(Readable row) {
        return new Event(
                number(row, "id"),
                text(row, "aggregate_type"),
                text(row, "aggregate_id"),
                text(row, "type"),
                requireNonNull(row.get("occurred_at", Instant.class)),
                text(row, "payload"),
                row.get("headers", String.class));
    }
}
