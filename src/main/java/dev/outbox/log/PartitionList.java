package dev.outbox.log;

import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Notices that partitions came or went under a read of the log. The server takes the list of partitions when it makes the plan, and the
 * snapshot when it executes it; between the two it may wait for a lock. What was attached and written meanwhile is visible then, and
 * not in the plan. So a read asks for the list in its own statement, as its snapshot sees it. If that is the list that was known
 * before the statement was sent, the plan was made with it too: a plan takes notice of every change that was visible before it.
 */
class PartitionList {

    /**
     * Which partitions there are, by pg_inherits_parent_index: one that was detached and attached again has another row. With an isolation
     * in which the snapshot is older than the plan this says nothing.
     */
    private static final String SQL = """
            case current_setting('transaction_isolation') when 'read committed' then (
                select count(*) || ':' || coalesce(bit_xor(hash_record_extended(row(inhrelid, xmin), 0)), 0)
                from pg_inherits
                where inhparent = 'outbox.event'::regclass) else 'unknown' end
            """;

    private static final String NOW = "select " + SQL + " as partitions where $1";

    private static final String UNKNOWN = "unknown";

    private static final String SAVEPOINT = "partitions";

    /**
     * A change that does not lock the log, as only others make it, becomes visible an instant before the sessions are told of it: then a plan
     * may still lack it.
     */
    private static final Duration TOLD_WITHIN = Duration.ofMillis(20);

    private volatile @Nullable String known;
    private volatile boolean transaction;

    /** A statement in which {partitions} stands for the list. */
    static String in(String statement) {
        return statement.replace("{partitions}", SQL.strip());
    }

    /** Whether reads have to begin their transaction themselves, since the role's default is another isolation than READ COMMITTED. */
    boolean needsTransaction() {
        return transaction;
    }

    /**
     * What is read, by a list of partitions that did not change; read again until that is so.
     *
     * @param seen the list that the read saw; null if it has passed nothing over because it found nothing
     */
    <T> Mono<T> unchanged(Supplier<Mono<T>> read, Function<T, @Nullable String> seen) {
        return Mono.defer(() -> {
            String before = known;
            return read.get().flatMap(result -> {
                String now = seen.apply(result);
                return now == null || (now.equals(before) && !now.equals(UNKNOWN))
                        ? Mono.just(result)
                        : learn(now).then(unchanged(read, seen));
            });
        });
    }

    private Mono<Void> learn(String now) {
        if (now.equals(UNKNOWN)) {
            return Mono.fromRunnable(() -> transaction = true);
        }
        return Mono.delay(TOLD_WITHIN).doOnNext(told -> known = now).then();
    }

    /** The same for a rare read that asks for the list before and after, each in a transaction of its own. */
    static <T> Mono<T> during(PostgresqlConnection connection, Supplier<Mono<T>> read) {
        return now(connection)
                .flatMap(before -> read.get()
                        .flatMap(result -> now(connection)
                                .flatMap(
                                        after -> after.equals(before) ? Mono.just(result) : during(connection, read))));
    }

    /** The same in the transaction of the connection, which is READ COMMITTED; what the work changed in vain is undone. */
    static <T> Mono<T> duringInTransaction(PostgresqlConnection connection, Supplier<Mono<T>> work) {
        return connection
                .createSavepoint(SAVEPOINT)
                .then(Mono.defer(() -> now(connection)))
                .flatMap(before -> work.get()
                        .flatMap(result -> now(connection)
                                .flatMap(after -> after.equals(before)
                                        ? connection.releaseSavepoint(SAVEPOINT).thenReturn(result)
                                        : connection
                                                .rollbackTransactionToSavepoint(SAVEPOINT)
                                                .then(Mono.defer(() -> duringInTransaction(connection, work))))));
    }

    private static Mono<String> now(PostgresqlConnection connection) {
        return Flux.defer(() -> Database.rows(connection, row -> text(row, "partitions"), NOW, true))
                .single();
    }
}
