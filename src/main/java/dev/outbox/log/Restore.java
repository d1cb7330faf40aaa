package dev.outbox.log;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.AdvisoryLocks;
import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.LongStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Makes a log that was restored into another cluster readable there. Its transaction ids mean nothing to that cluster, but among
 * themselves they still say what each subscription has done. So events and positions are rewritten together, in one transaction:
 * see {@link Renumbering}.
 *
 * <p>What was written natively before is above every position, if the sequence was restored, and counts as not done. Two who
 * convert at once wait for each other by {@link AdvisoryLocks#CONVERSION}, and the second finds nothing to do.
 */
final class Restore {

    private static final Logger LOG = LoggerFactory.getLogger(Restore.class);

    /** If somebody removed the row of outbox.cluster, a log is this one's only if a checkpoint says so: none is stored before. */
    private static final String IS_FOREIGN = """
            with here as materialized (
                select system_identifier from pg_control_system()
            ), latest as materialized (
                select c.system_identifier
                from outbox.subscription s
                cross join lateral (
                    select system_identifier
                    from outbox.checkpoint
                    where subscription = s.name
                    order by generation desc
                    limit 1) c
                where s.retired_at is null
            )
            select exists (select from outbox.cluster c where c.system_identifier <> here.system_identifier)
                or exists (select from latest where latest.system_identifier <> here.system_identifier)
                or not exists (select from outbox.cluster) and not exists (select from latest) as found
            from here
            """;

    /** The second keeps those away who change the tables of the log. */
    private static final String LOCK = "select pg_advisory_xact_lock(" + AdvisoryLocks.CONVERSION + ")::text as locked,"
            + " pg_advisory_xact_lock(" + AdvisoryLocks.TABLES_OF_THE_LOG + ")::text as alone";

    /** The latest of each subscription in force that was written in another cluster; what a retired one had done nobody asks. */
    private static final String POSITIONS = """
            select c.subscription, c.generation, c.done::text as done, c.barrier::text::bigint as barrier, c.high,
                c.target::text as target, c.target_barrier::text::bigint as target_barrier, c.target_high, c.last,
                null as history
            from outbox.subscription s
            cross join lateral (
                select *
                from outbox.checkpoint
                where subscription = s.name
                order by generation desc
                limit 1) c
            where s.retired_at is null and c.system_identifier <> (select system_identifier from pg_control_system())
            """;

    /** Index event_tx_id_idx. */
    private static final String OF_TRANSACTIONS = """
            select id
            from unnest($1::text[]::xid8[]) late
            join outbox.event on tx = late
            where id > $2 and id <= $3
            """;

    /** Primary key. */
    private static final String RENUMBER_EVENTS = """
            update outbox.event
            set tx = $1::text::xid8
            where id = any ($2)
            """;

    /** Primary key. What nobody reads again is left alone, unless its tx could be taken for another one's. */
    private static final String RENUMBER_DONE = """
            update outbox.event
            set tx = $1::text::xid8
            where id <= $2 and id <> all ($3)
                and (tx >= pg_snapshot_xmin(pg_current_snapshot()) or tx > $1::text::xid8 and tx < $4::text::xid8)
            """;

    /** Primary key. */
    private static final String RENUMBER_RANGE = """
            update outbox.event
            set tx = $1::text::xid8
            where id > $2 and id <= $3 and id <> all ($4)
            """;

    private static final String ROOM = """
            select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 as found
            """;

    private static final String SEQUENCE = """
            select setval('outbox.event_id_seq', highest.id)
            from (select greatest($1, (select max(id) from outbox.event)) as id) highest
            where highest.id > (select last_value from outbox.event_id_seq)
            """;

    private static final String MARK = """
            insert into outbox.cluster (system_identifier)
            select system_identifier from pg_control_system()
            on conflict (singleton) do update
            set system_identifier = excluded.system_identifier, since = excluded.since
            """;

    /** A long log is rewritten as a whole. */
    private static final Duration DEADLINE = Duration.ofHours(12);

    private final Database database;
    private final BiFunction<PostgresqlConnection, Checkpoint, Mono<Void>> append;

    /**
     * @param append how a converted checkpoint is stored in the transaction
     */
    Restore(Database database, BiFunction<PostgresqlConnection, Checkpoint, Mono<Void>> append) {
        this.database = database.within(DEADLINE);
        this.append = append;
    }

    /** Converts the log if it is another cluster's; completes when it can be read. */
    Mono<Void> ifForeign() {
        return database.run(Restore::isForeign).flatMap(foreign -> foreign ? convert() : Mono.empty());
    }

    private Mono<Void> convert() {
        return database.inTransaction(connection -> Database.update(connection, "set local statement_timeout = 0")
                .thenMany(Flux.defer(() -> Database.rows(connection, row -> true, LOCK)))
                .then(Mono.defer(() -> isForeign(connection)))
                .flatMap(foreign -> foreign ? convert(connection) : Mono.empty()));
    }

    private Mono<Void> convert(PostgresqlConnection connection) {
        return Database.rows(connection, Restore::checkpoint, POSITIONS)
                .collectList()
                .delayUntil(checkpoints -> forgetCopies(connection))
                .flatMap(checkpoints -> Flux.fromIterable(checkpoints)
                        .concatMap(checkpoint -> undone(connection, checkpoint), 1)
                        .collectList()
                        .flatMap(undone -> rewrite(connection, new Renumbering(undone))));
    }

    /** What is being copied to tables aside was copied with the old transaction ids: it is begun anew. */
    private static Mono<Void> forgetCopies(PostgresqlConnection connection) {
        return AsideTables.of(connection).flatMap(tables -> AsideTables.drop(connection, tables));
    }

    private static Mono<Boolean> isForeign(PostgresqlConnection connection) {
        return Database.rows(connection, row -> requireNonNull(row.get("found", Boolean.class)), IS_FOREIGN)
                .single();
    }

    /** Above the bound nothing is done; below it only what was late. */
    private static Mono<Renumbering.Undone> undone(PostgresqlConnection connection, Checkpoint checkpoint) {
        Position position = checkpoint.position();
        Position.Target target = position.target();
        if (target == null) {
            return ids(connection, position.late(), 0, position.high())
                    .collectList()
                    .map(late -> new Renumbering.Undone(checkpoint, position.high(), Set.copyOf(late)));
        }
        long bound = Math.max(position.high(), position.last());
        return Flux.concat(
                        ids(connection, Position.after(target, null).late(), 0, bound),
                        ids(connection, position.late(), position.last(), bound))
                .distinct()
                .collectList()
                .map(late -> new Renumbering.Undone(checkpoint, bound, Set.copyOf(late)));
    }

    private static Flux<Long> ids(PostgresqlConnection connection, LongStream transactions, long above, long upTo) {
        String[] late = transactions.mapToObj(Long::toString).toArray(String[]::new);
        return Flux.defer(
                () -> Database.rows(connection, row -> number(row, "id"), OF_TRANSACTIONS, late, above, upTo));
    }

    private Mono<Void> rewrite(PostgresqlConnection connection, Renumbering numbers) {
        return requireRoom(connection, numbers)
                .thenMany(events(connection, numbers).concatWith(ranges(connection, numbers)))
                .reduce(0L, Long::sum)
                .flatMap(events -> Flux.fromIterable(numbers.checkpoints())
                        .concatMap(checkpoint -> append.apply(connection, checkpoint), 1)
                        .then(Mono.defer(() -> Database.rows(connection, row -> true, SEQUENCE, numbers.highest())
                                .then()))
                        .then(Mono.defer(() -> Database.update(connection, MARK)))
                        .doOnSuccess(marked -> LOG.warn(
                                "log.restored subscriptions={} rewritten={}",
                                numbers.checkpoints().size(),
                                events)))
                .then();
    }

    /** Numbers have to be below all that this cluster will give out; it has given out hundreds when it was made. */
    private static Mono<Void> requireRoom(PostgresqlConnection connection, Renumbering numbers) {
        return Database.rows(
                        connection,
                        row -> requireNonNull(row.get("found", Boolean.class)),
                        ROOM,
                        Long.toString(numbers.end()))
                .single()
                .flatMap(room -> room
                        ? Mono.empty()
                        : Mono.error(new IllegalStateException("The restored log needs " + numbers.end()
                                + " transaction ids; the cluster has given out fewer")));
    }

    private static Flux<Long> events(PostgresqlConnection connection, Renumbering numbers) {
        return Flux.fromIterable(numbers.late().entrySet())
                .concatMap(
                        late -> Database.update(
                                connection,
                                RENUMBER_EVENTS,
                                Long.toString(late.getKey()),
                                late.getValue().toArray(Long[]::new)),
                        1);
    }

    private static Flux<Long> ranges(PostgresqlConnection connection, Renumbering numbers) {
        return Flux.fromIterable(numbers.ranges()).concatMap(range -> range(connection, numbers, range), 1);
    }

    private static Mono<Long> range(PostgresqlConnection connection, Renumbering numbers, Renumbering.Range range) {
        String number = Long.toString(range.number());
        return range.number() == Renumbering.FIRST
                ? Database.update(
                        connection,
                        RENUMBER_DONE,
                        number,
                        range.upTo(),
                        numbers.lateIds(),
                        Long.toString(numbers.end()))
                : Database.update(connection, RENUMBER_RANGE, number, range.above(), range.upTo(), numbers.lateIds());
    }

    private static Checkpoint checkpoint(Readable row) {
        return Checkpoints.checkpoint(text(row, "subscription"), row);
    }
}
