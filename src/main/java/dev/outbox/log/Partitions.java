package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The partitions of the log: made, emptied and dropped, each in a transaction of its own that waits for a lock for 20 ms and then
 * gives up, since whoever comes later waits behind it. What a writer can be made to wait for is the drop alone, which locks the
 * whole log for an instant; so it is not even tried while somebody's transaction, such as that of a dump, would keep it waiting.
 *
 * <p>Two instances do not do the same work: each transaction holds advisory lock (11311, 4), or does nothing.
 */
@Repository
final class Partitions {

    /** Each look at the log touches them all. */
    static final int MOST_AHEAD = 24;

    /** How a change of the partitions ended. */
    enum Result {
        DONE,
        /** A lock could not be had in time, or another instance is at it: to be tried again. */
        REFUSED,
        /** There is nothing to do any more. */
        NOTHING
    }

    /**
     * The bounds are in the catalog as text: FOR VALUES FROM ('1') TO ('5'); MINVALUE counts as 0. Of a partition that has been
     * dropped since the snapshot the text is null, from one instant to the next: so it is asked for once.
     */
    private static final String ALL = """
            with bound as materialized (
                select part.relname::text as name, pg_get_expr(part.relpartbound, part.oid) as text
                from pg_inherits i
                join pg_class part on part.oid = i.inhrelid
                where i.inhparent = 'outbox.event'::regclass
            )
            select name, coalesce(substring(text from 'FROM \\(''(\\d+)''\\)')::bigint, 0) as low,
                substring(text from 'TO \\(''(\\d+)''\\)')::bigint as high
            from bound
            where text ~ 'TO \\(''\\d+''\\)'
            order by high
            """;

    private static final String DRAWN =
            "select case when is_called then last_value else last_value - 1 end as id from outbox.event_id_seq";

    private static final String ALONE = "select pg_try_advisory_xact_lock(11311, 4) as alone";

    private static final String CREATE = "create table outbox.event_%d (like outbox.event including all)";

    /** Locks the default partition, to see that it has none of these ids. */
    private static final String ATTACH =
            "alter table outbox.event attach partition outbox.event_%1$d for values from (%1$d) to (%2$d)";

    private static final String LOCK_DEFAULT = "lock table outbox.event_default in access exclusive mode";

    /** Primary key of event_default. */
    private static final String STRAYS = """
            select exists (select from outbox.event_default where id >= $1 and id < $2) as found
            """;

    private static final String MOVE = """
            with moved as (delete from outbox.event_default where id >= %1$d and id < %2$d returning *)
            insert into outbox.event_%1$d select * from moved
            """;

    /** Primary key of the partition, from its end; null if it is empty. */
    private static final String AGE = """
            select (select occurred_at from outbox.%s order by id desc limit 1) < now() - $1::text::interval as is_old
            """;

    /**
     * Who has not passed a partition; by its index on tx, from its end. Passed is what is visible to a snapshot that is done
     * because all its transactions had ended before, or in the window up to last; what fails a test whose answer is not known
     * counts as not passed. Before them all, an empty name if the partition's newest event is not old enough.
     *
     * <p>$1 from, $2 to, $3 retention
     */
    private static final String HOLDERS = """
            with newest as materialized (
                select (select occurred_at from outbox.%1$s order by id desc limit 1) as occurred_at,
                    (select tx from outbox.%1$s order by tx desc limit 1) as tx
            )
            select '' as name
            from newest
            where (occurred_at < now() - $3::text::interval) is not true
            union all
            select s.name
            from newest
            cross join outbox.subscription s
            left join lateral (
                select done, target, last, system_identifier
                from outbox.checkpoint
                where subscription = s.name
                order by generation desc
                limit 1) c on true
            where s.retired_at is null and ((c.system_identifier = (select system_identifier from pg_control_system())
                    and (newest.tx < pg_snapshot_xmin(c.done)
                        or c.last >= $2 - 1 and newest.tx < pg_snapshot_xmin(c.target))) is not true
                or exists (
                    select from outbox.parked p
                    where p.subscription = s.name and p.event_id >= $1 and p.event_id < $2))
            """;

    /** Whose transaction holds the log and is not about to end, as far as this user may see. */
    private static final String LOCKED = """
            select exists (
                select from pg_locks l
                left join pg_stat_activity a on a.pid = l.pid
                where l.locktype = 'relation' and l.relation = 'outbox.event'::regclass and l.granted
                    and l.database = (select oid from pg_database where datname = current_database())
                    and l.pid is distinct from pg_backend_pid()
                    and (l.pid is null or a.xact_start < clock_timestamp() - interval '50 ms')) as found
            """;

    /**
     * lock_not_available, query_canceled by statement_timeout, deadlock_detected; check_violation when the default partition has
     * an event of a new one, because ids were faster.
     */
    private static final Set<String> REFUSALS = Set.of("55P03", "57014", "40P01", "23514");

    private final Database database;

    Partitions(@Qualifier("relay") Database database) {
        this.database = database;
    }

    /** All but the default one, in order. */
    Mono<List<Partition>> all() {
        return database.query(
                row -> new Partition(
                        requireNonNull(row.get("name", String.class)),
                        requireNonNull(row.get("low", Long.class)),
                        requireNonNull(row.get("high", Long.class))),
                ALL);
    }

    /** The highest id that was drawn. */
    Mono<Long> drawn() {
        return database.query(row -> requireNonNull(row.get("id", Long.class)), DRAWN)
                .map(rows -> rows.get(0));
    }

    /** Makes an empty partition. Refused too if the default one has events in its place. */
    Mono<Result> make(long from, long to) {
        return change(
                "100ms",
                connection -> execute(connection, CREATE.formatted(from))
                        .then(execute(connection, ATTACH.formatted(from, to)))
                        .thenReturn(Result.DONE));
    }

    /** Whether the default partition has events in that range. */
    Mono<Boolean> hasStrays(long from, long to) {
        return database.run(connection -> is(connection, "found", STRAYS, from, to));
    }

    /** Makes a partition of what the default one holds in that range. Nobody may write there any more: readers wait meanwhile. */
    Mono<Result> moveStrays(long from, long to) {
        return change(
                "10s",
                connection -> execute(connection, LOCK_DEFAULT)
                        .then(execute(connection, CREATE.formatted(from)))
                        .then(execute(connection, MOVE.formatted(from, to)))
                        .then(execute(connection, ATTACH.formatted(from, to)))
                        .thenReturn(Result.DONE));
    }

    /** Whether the newest event of the partition is that old; empty if the partition is. */
    Mono<Boolean> isOld(Partition partition, Duration age) {
        return database.query(
                        row -> Optional.ofNullable(row.get("is_old", Boolean.class)),
                        AGE.formatted(partition.name()),
                        age.toString())
                .flatMap(rows -> Mono.justOrEmpty(rows.get(0)));
    }

    /** The subscriptions that have not passed the partition, or have parked an event of it. */
    Mono<List<String>> holders(Partition partition, Duration age) {
        return database.run(connection -> holders(connection, partition, age));
    }

    /** Removes the events of a partition that is old and passed by all, which is asked again once it is locked. */
    Mono<Result> empty(Partition partition, Duration age) {
        return change(
                "5s",
                connection -> execute(connection, "lock table outbox." + partition.name() + " in access exclusive mode")
                        .then(holders(connection, partition, age))
                        .flatMap(holders -> holders.isEmpty()
                                ? execute(connection, "truncate outbox." + partition.name())
                                        .thenReturn(Result.DONE)
                                : Mono.just(Result.NOTHING)));
    }

    /** Drops partitions that are empty, which is asked again once the log is locked. Writers wait meanwhile. */
    Mono<Result> drop(List<Partition> partitions) {
        return database.run(connection -> is(connection, "found", LOCKED))
                .flatMap(locked -> locked ? Mono.just(Result.REFUSED) : dropNow(partitions));
    }

    private Mono<Result> dropNow(List<Partition> partitions) {
        String tables = partitions.stream().map(part -> "outbox." + part.name()).collect(Collectors.joining(", "));
        String content = partitions.stream()
                .map(part -> "exists (select from outbox." + part.name() + ")")
                .collect(Collectors.joining(" or ", "select ", " as found"));
        return change(
                "100ms",
                connection -> execute(connection, "lock table only outbox.event in access exclusive mode")
                        .then(is(connection, "found", content))
                        .flatMap(found -> found
                                ? Mono.just(Result.NOTHING)
                                : execute(connection, "drop table " + tables).thenReturn(Result.DONE)));
    }

    /** A transaction that holds nobody up for long; a refused one leaves nothing behind. */
    private Mono<Result> change(String atMost, Function<PostgresqlConnection, Mono<Result>> work) {
        return database.inTransaction(connection -> execute(connection, "set local lock_timeout = '20ms'")
                        .then(execute(connection, "set local statement_timeout = '" + atMost + "'"))
                        .then(execute(connection, "set local synchronous_commit = off")) // done again if it is lost
                        .then(is(connection, "alone", ALONE))
                        .flatMap(alone -> alone ? work.apply(connection) : Mono.just(Result.REFUSED)))
                .onErrorResume(Partitions::isRefusal, refusal -> Mono.just(Result.REFUSED));
    }

    private static Mono<List<String>> holders(PostgresqlConnection connection, Partition partition, Duration age) {
        return Database.rows(
                        connection,
                        row -> requireNonNull(row.get("name", String.class)),
                        HOLDERS.formatted(partition.name()),
                        partition.from(),
                        partition.to(),
                        age.toString())
                .collectList();
    }

    private static Mono<Void> execute(PostgresqlConnection connection, String sql) {
        return Flux.defer(() -> connection.createStatement(sql).execute())
                .concatMap(result -> result.getRowsUpdated(), 1)
                .then();
    }

    private static Mono<Boolean> is(PostgresqlConnection connection, String column, String sql, Object... values) {
        return Flux.defer(() ->
                        Database.rows(connection, row -> requireNonNull(row.get(column, Boolean.class)), sql, values))
                .single();
    }

    private static boolean isRefusal(Throwable error) {
        Throwable cause = error instanceof DatabaseUnavailableException ? error.getCause() : error;
        return cause instanceof R2dbcException failure
                && failure.getSqlState() != null
                && REFUSALS.contains(failure.getSqlState());
    }
}
