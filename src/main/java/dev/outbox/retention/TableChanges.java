package dev.outbox.retention;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.AdvisoryLocks;
import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.R2dbcException;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Changes of the log's tables, each in a transaction of its own that waits for a lock for 20 ms and then gives up, since whoever comes
 * later waits behind it. Two instances do not do the same work: each transaction holds {@link AdvisoryLocks#TABLES_OF_THE_LOG}, or does nothing.
 *
 * <p>Before the list of partitions changes the whole log is locked. So nobody is between the plan that was made with the list and
 * the snapshot that sees what was written since, and no writer's event is on its way to a partition whose ids are taken from it. That is
 * not even tried while somebody's transaction, such as that of a dump, would keep it waiting.
 */
final class TableChanges {

    /** How a change ended. */
    enum Result {
        DONE,
        /** A lock could not be had in time, or another instance is at it: to be tried again. */
        REFUSED,
        /** There is nothing to do any more. */
        NOTHING
    }

    /** While others wait for a lock that this holds. */
    private static final String AT_MOST = "100ms";

    private static final String ALONE =
            "select pg_try_advisory_xact_lock(" + AdvisoryLocks.TABLES_OF_THE_LOG + ") as alone";

    /** Whose transaction holds the log or its default partition and is not about to end, as far as this user may see. */
    private static final String LOCKED = """
            select exists (
                select from pg_locks l
                left join pg_stat_activity a on a.pid = l.pid
                where l.locktype = 'relation' and l.granted
                    and l.relation in ('outbox.event'::regclass, 'outbox.event_default'::regclass)
                    and l.database = (select oid from pg_database where datname = current_database())
                    and l.pid is distinct from pg_backend_pid()
                    and (l.pid is null or a.xact_start < clock_timestamp() - interval '50 ms')) as found
            """;

    private static final String LOCK =
            "lock table only outbox.event, only outbox.event_default in access exclusive mode";

    /**
     * lock_not_available, query_canceled by statement_timeout, deadlock_detected; check_violation when the default partition has
     * an event of a new one, because ids were faster; invalid_object_definition when somebody has made one there meanwhile.
     */
    private static final Set<String> REFUSALS = Set.of("55P03", "57014", "40P01", "23514", "42P17");

    private final Database database;

    TableChanges(Database database) {
        this.database = database;
    }

    /** A change beside which others read and write. A refused one leaves nothing behind. */
    Mono<Result> beside(String atMost, Function<PostgresqlConnection, Mono<Result>> work) {
        return change(atMost, work);
    }

    /** A change for which a lock is taken, though not that of the whole log. */
    Mono<Result> brief(Function<PostgresqlConnection, Mono<Result>> work) {
        return change(AT_MOST, work);
    }

    /**
     * A change of the list of partitions.
     *
     * @param before what can be done before the whole log is locked; answers what the rest needs
     * @param locked what is done then
     */
    <T> Mono<Result> ofTheList(
            Function<PostgresqlConnection, Mono<T>> before, BiFunction<PostgresqlConnection, T, Mono<Result>> locked) {
        return database.run(connection -> is(connection, "found", LOCKED))
                .flatMap(held -> held
                        ? Mono.just(Result.REFUSED)
                        : change(
                                AT_MOST,
                                connection -> before.apply(connection)
                                        .delayUntil(prepared -> execute(connection, LOCK))
                                        .flatMap(prepared -> locked.apply(connection, prepared))));
    }

    /** Undoes what the transaction has done so far; to be tried again. */
    static <T> Mono<T> refuse() {
        return Mono.error(new Refusal());
    }

    private static final class Refusal extends RuntimeException {

        Refusal() {
            super("To be tried again", null, false, false);
        }
    }

    private Mono<Result> change(String atMost, Function<PostgresqlConnection, Mono<Result>> work) {
        return database.inTransaction(connection -> execute(connection, "set local lock_timeout = '20ms'")
                        .then(execute(connection, "set local statement_timeout = '" + atMost + "'"))
                        .then(execute(connection, "set local synchronous_commit = off")) // done again if it is lost
                        .then(is(connection, "alone", ALONE))
                        .flatMap(alone -> alone ? work.apply(connection) : Mono.just(Result.REFUSED)))
                .onErrorResume(TableChanges::isRefusal, refusal -> Mono.just(Result.REFUSED));
    }

    static Mono<Void> execute(PostgresqlConnection connection, String sql) {
        return Flux.defer(() -> connection.createStatement(sql).execute())
                .concatMap(result -> result.getRowsUpdated(), 1)
                .then();
    }

    static Mono<Boolean> is(PostgresqlConnection connection, String column, String sql, Object... values) {
        return Flux.defer(() ->
                        Database.rows(connection, row -> requireNonNull(row.get(column, Boolean.class)), sql, values))
                .single();
    }

    private static boolean isRefusal(Throwable error) {
        Throwable cause = error instanceof DatabaseUnavailableException ? error.getCause() : error;
        return error instanceof Refusal
                || (cause instanceof R2dbcException failure
                        && failure.getSqlState() != null
                        && REFUSALS.contains(failure.getSqlState()));
    }
}
