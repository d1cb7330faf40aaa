package dev.outbox.retention;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static dev.outbox.retention.TableChanges.execute;
import static dev.outbox.retention.TableChanges.is;

import dev.outbox.database.Database;
import dev.outbox.log.Partition;
import dev.outbox.logging.LogValue;
import dev.outbox.retention.TableChanges.Result;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** The partitions of the log: made, emptied and dropped, as {@link TableChanges} says. */
@Repository
final class Partitions {

    private static final Logger LOG = LoggerFactory.getLogger(Partitions.class);

    /** Each look at the log touches them all. */
    static final int MOST_AHEAD = 24;

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

    private static final String CREATE = "create table outbox.%s (like outbox.event including all)";

    /** Reads the default partition, to see that it has none of these ids. */
    private static final String ATTACH =
            "alter table outbox.event attach partition outbox.%s for values from (%s) to (%d)";

    /** Primary key of the partition, from its end; null if it is empty. */
    private static final String AGE = """
            select (select occurred_at from outbox.%s order by id desc limit 1) < now() - $1::text::interval as is_old
            """;

    /**
     * Who has not passed a partition; by its index on tx, from its end. Passed is what is visible to a snapshot that is done
     * because all its transactions had ended before, or in the window up to last; what fails a test whose answer is not known
     * counts as not passed. Before them all, an empty name if the partition's newest event is not old enough.
     *
     * <p>$1 to, $2 retention
     */
    private static final String HOLDERS = """
            with newest as materialized (
                select (select occurred_at from outbox.%1$s order by id desc limit 1) as occurred_at,
                    (select tx from outbox.%1$s order by tx desc limit 1) as tx
            )
            select '' as name
            from newest
            where (occurred_at < now() - $2::text::interval) is not true
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
            where s.retired_at is null and (c.system_identifier = (select system_identifier from pg_control_system())
                    and (newest.tx < pg_snapshot_xmin(c.done)
                        or c.last >= $1 - 1 and newest.tx < pg_snapshot_xmin(c.target))) is not true
            """;

    private final Database database;
    private final TableChanges changes;
    private final Strays strays;
    private final ParkedCopies copies;

    Partitions(@Qualifier("relay") Database database) {
        this.database = database;
        this.changes = new TableChanges(database);
        this.strays = new Strays(database);
        this.copies = new ParkedCopies(changes);
    }

    /** All but the default one, in order. */
    Mono<List<Partition>> all() {
        return database.query(row -> new Partition(text(row, "name"), number(row, "low"), number(row, "high")), ALL);
    }

    /** The highest id that was drawn. */
    Mono<Long> drawn() {
        return database.query(row -> number(row, "id"), DRAWN).map(rows -> rows.get(0));
    }

    /** Makes an empty partition. Refused too if the default one has events in its place. */
    Mono<Result> make(Partition partition) {
        return changes.ofTheList(
                        connection -> execute(connection, CREATE.formatted(partition.name()))
                                .thenReturn(partition),
                        (connection, made) ->
                                execute(connection, attaching(partition)).thenReturn(Result.DONE))
                .doOnNext(logged("made", partition.name()));
    }

    static String attaching(Partition partition) {
        return ATTACH.formatted(
                partition.name(), partition.from() == 0 ? "minvalue" : Long.toString(partition.from()), partition.to());
    }

    /** What the default partition holds. */
    Strays strays() {
        return strays;
    }

    /** Whether the newest event of the partition is that old; empty if the partition is. */
    Mono<Boolean> isOld(Partition partition, Duration age) {
        return database.query(
                        row -> Optional.ofNullable(row.get("is_old", Boolean.class)),
                        AGE.formatted(partition.name()),
                        age.toString())
                .flatMap(rows -> Mono.justOrEmpty(rows.get(0)));
    }

    /** The subscriptions that have not passed the partition. */
    Mono<List<String>> holders(Partition partition, Duration age) {
        return database.run(connection -> holders(connection, partition, age));
    }

    /**
     * Removes the events of a partition that is old and passed by all; the parked ones have copies in their rows then. Both is asked again once
     * it is locked.
     */
    Mono<Result> empty(Partition partition, Duration age) {
        return copies.copy(partition)
                .flatMap(result -> result == Result.NOTHING ? truncate(partition, age) : Mono.just(result))
                .doOnNext(logged("emptied", partition.name()));
    }

    private Mono<Result> truncate(Partition partition, Duration age) {
        return changes.brief(connection -> execute(
                        connection, "lock table outbox." + partition.name() + " in access exclusive mode")
                .then(Mono.defer(() -> holders(connection, partition, age)))
                .flatMap(holders ->
                        holders.isEmpty() ? ParkedCopies.areComplete(connection, partition) : Mono.just(false))
                .flatMap(free -> free
                        ? execute(connection, "truncate outbox." + partition.name())
                                .thenReturn(Result.DONE)
                        : Mono.just(Result.NOTHING)));
    }

    /** Drops partitions that are empty, which is asked again once the log is locked. Writers wait meanwhile. */
    Mono<Result> drop(List<Partition> partitions) {
        String tables = partitions.stream().map(part -> "outbox." + part.name()).collect(Collectors.joining(", "));
        String content = partitions.stream()
                .map(part -> "exists (select from outbox." + part.name() + ")")
                .collect(Collectors.joining(" or ", "select ", " as found"));
        return changes.ofTheList(
                        connection -> Mono.just(content),
                        (connection, look) -> is(connection, "found", look)
                                .flatMap(found -> found
                                        ? Mono.just(Result.NOTHING)
                                        : execute(connection, "drop table " + tables)
                                                .thenReturn(Result.DONE)))
                .doOnNext(logged("dropped", tables));
    }

    /** Says what was done, once it is committed. */
    static Consumer<Result> logged(String what, String tables) {
        return result -> {
            if (result == Result.DONE) {
                LOG.info("partition.{} tables=\"{}\"", what, LogValue.quoted(tables));
            }
        };
    }

    private static Mono<List<String>> holders(PostgresqlConnection connection, Partition partition, Duration age) {
        return Database.rows(
                        connection,
                        row -> text(row, "name"),
                        HOLDERS.formatted(partition.name()),
                        partition.to(),
                        age.toString())
                .collectList();
    }
}
