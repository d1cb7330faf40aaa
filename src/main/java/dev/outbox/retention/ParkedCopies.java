package dev.outbox.retention;

import static dev.outbox.database.Columns.number;
import static dev.outbox.retention.TableChanges.execute;
import static dev.outbox.retention.TableChanges.is;

import dev.outbox.database.Database;
import dev.outbox.log.Partition;
import dev.outbox.retention.TableChanges.Result;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.Locale;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Copies parked events into their rows before their partition is emptied, so that none holds it back, however long it waits for somebody. A
 * copy goes with its row.
 *
 * <p>Rows are copied in pieces while others work on them: a row that somebody has locked is left for the next piece, so that nobody waits for
 * who waits for him. What was parked since is seen by {@link #areComplete}, behind the lock of the partition: a row comes with the
 * position that passes its event, or from who has read it in the log, and thus holds that lock too. What is known of the work is in the rows, so
 * any instance can go on with it.
 */
final class ParkedCopies {

    /** What one transaction copies … */
    private static final int PIECE = 1_000;

    /** … of so many bytes at most, as they are stored; the first whatever its size. */
    private static final long PIECE_BYTES = 16L * 1024 * 1024;

    /** How many pieces are copied at once; then others have their turn. */
    private static final int PIECES = 100;

    /**
     * Rows without a copy, whose event is there. Index parked_event_id_idx, and the primary key of the partition: a scalar subquery, since a join
     * could read all of it. %d and %d from and to
     */
    private static final String BARE = """
            from outbox.parked p
            where p.event_id >= %2$d and p.event_id < %3$d and p.occurred_at is null
              and (select e.id from outbox.%1$s e where e.id = p.event_id) is not null
            """;

    /** Primary keys. The key too: that of a subscription without order was once the id. */
    private static final String COPY = """
            with bare as materialized (
                select p.subscription, p.event_id
                BARE
                order by p.event_id
                limit %4$d
                for update skip locked
            ), sized as materialized (
                select b.subscription, b.event_id, sum(pg_column_size(e.payload) + coalesce(pg_column_size(e.headers), 0))
                    over (order by b.event_id, b.subscription rows between unbounded preceding and 1 preceding) as bytes_before
                from bare b
                join outbox.%1$s e on e.id = b.event_id
            ), copied as (
                update outbox.parked p
                set key = e.aggregate_id, aggregate_type = e.aggregate_type, type = e.type, occurred_at = e.occurred_at,
                    payload = e.payload, headers = e.headers
                from sized s
                join outbox.%1$s e on e.id = s.event_id
                where p.subscription = s.subscription and p.event_id = s.event_id and coalesce(s.bytes_before, 0) < %5$d
                returning 1
            )
            select count(*) as copied from copied
            """.replace("BARE", BARE.strip());

    private final TableChanges changes;

    ParkedCopies(TableChanges changes) {
        this.changes = changes;
    }

    /**
     * Copies what is parked of a partition.
     *
     * @return NOTHING when there is nothing left that can be had now
     */
    Mono<Result> copy(Partition partition) {
        return copy(partition, PIECES);
    }

    private Mono<Result> copy(Partition partition, int pieces) {
        if (pieces == 0) {
            return Mono.just(Result.DONE);
        }
        return changes.beside("5s", connection -> copyPiece(connection, partition))
                .flatMap(result -> result == Result.DONE ? copy(partition, pieces - 1) : Mono.just(result));
    }

    private static Mono<Result> copyPiece(PostgresqlConnection connection, Partition partition) {
        String copy = String.format(
                Locale.ROOT, COPY, partition.name(), partition.from(), partition.to(), PIECE, PIECE_BYTES);
        return byIndex(connection)
                .then(Flux.defer(() -> Database.rows(connection, row -> number(row, "copied"), copy))
                        .single())
                .map(copied -> copied == 0 ? Result.NOTHING : Result.DONE);
    }

    /** Whether every row that is parked of a partition has its copy. The transaction of the connection has locked the partition. */
    static Mono<Boolean> areComplete(PostgresqlConnection connection, Partition partition) {
        String bare = String.format(Locale.ROOT, BARE, partition.name(), partition.from(), partition.to());
        return byIndex(connection)
                .then(Mono.defer(() -> is(connection, "found", "select exists (select " + bare + ") as found")))
                .map(found -> !found);
    }

    private static Mono<Void> byIndex(PostgresqlConnection connection) {
        return execute(connection, "set local enable_seqscan = off")
                .then(execute(connection, "set local enable_bitmapscan = off"))
                .then(execute(connection, "set local jit = off"));
    }
}
