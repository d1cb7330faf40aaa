package dev.outbox.database;

import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.postgresql.api.PostgresqlStatement;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.Parameter;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Wrapped;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * A bounded set of connections, and units of work on them.
 *
 * <p>A unit runs to its end, whatever its subscriber does: cancelling SQL would not stop the server, and would hand a busy
 * connection to the next borrower. What ends a unit early is its deadline alone, which closes the physical connection; it
 * then fails with {@link DatabaseUnavailableException}. Units emit on the connection's event loop.
 */
public final class Database {

    private final ConnectionFactory connections;
    private final Duration deadline;
    private final Scheduler timer = Schedulers.parallel();

    /**
     * @param connections where units borrow from; must bound the wait for a connection itself
     * @param deadline how long a unit may take, with its wait for a connection
     */
    public Database(ConnectionFactory connections, Duration deadline) {
        this.connections = connections;
        this.deadline = deadline;
    }

    /** The same connections with another deadline. */
    public Database within(Duration otherDeadline) {
        return new Database(connections, otherDeadline);
    }

    /** Runs one statement in its own transaction and collects its rows. */
    public <T> Mono<List<T>> query(Function<Readable, T> row, String sql, @Nullable Object... values) {
        return statement(connection -> rows(connection, row, sql, values).collectList());
    }

    /** Runs one statement in its own transaction and answers how many rows it changed. */
    public Mono<Long> update(String sql, @Nullable Object... values) {
        return statement(connection -> update(connection, sql, values));
    }

    /** The connection may have been made while the server stood by; nothing was done on it, so another one is tried. */
    private <T> Mono<T> statement(Function<PostgresqlConnection, Mono<T>> work) {
        return run(work)
                .onErrorResume(
                        DatabaseUnavailableException.class,
                        error -> error.isReadOnly() ? run(work) : Mono.error(error));
    }

    /**
     * Runs the work in a transaction, which commits when the work completes and rolls back when it fails. It is READ COMMITTED whatever
     * the default of the role or database: what is asked behind a lock must be as it is once the lock is there. A failure of the commit is
     * passed on as it is, not wrapped as usingWhen would: it tells that the outcome is not known.
     */
    public <T> Mono<T> inTransaction(Function<PostgresqlConnection, Mono<T>> work) {
        return run(connection -> connection
                .beginTransaction(IsolationLevel.READ_COMMITTED)
                .then(Mono.defer(() -> work.apply(connection)))
                .flatMap(result -> connection.commitTransaction().thenReturn(result))
                .switchIfEmpty(Mono.defer(() -> connection.commitTransaction().then(Mono.empty())))
                .onErrorResume(error -> rollBack(connection).then(Mono.error(error))));
    }

    /** The pool does not: it sees only transactions that are begun on its wrapper. A connection that cannot roll back is closed. */
    private static Mono<Void> rollBack(PostgresqlConnection connection) {
        return connection
                .rollbackTransaction()
                .onErrorResume(lost -> connection.close().onErrorComplete());
    }

    /** Runs the work on one connection. What the work leaves open on it, a transaction apart, goes to the next borrower. */
    public <T> Mono<T> run(Function<PostgresqlConnection, Mono<T>> work) {
        return toItsEnd(Mono.defer(() -> unit(work)));
    }

    /**
     * The work, which runs to its end once it is subscribed to: cancelling only stops listening to it. The sink is told of the end
     * once: completing it after its value would lose a value that has not been requested yet.
     */
    public static <T> Mono<T> toItsEnd(Mono<T> work) {
        return Mono.create(sink -> work.contextWrite(sink.contextView())
                .singleOptional()
                .subscribe(result -> result.ifPresentOrElse(sink::success, sink::success), sink::error));
    }

    /** The rows of one statement on a connection that the caller holds. */
    public static <T> Flux<T> rows(
            PostgresqlConnection connection, Function<Readable, T> row, String sql, @Nullable Object... values) {
        return statement(connection, sql, values).execute().concatMap(result -> result.map(row), 1);
    }

    /** The number of rows that one statement changes, on a connection that the caller holds. */
    public static Mono<Long> update(PostgresqlConnection connection, String sql, @Nullable Object... values) {
        return statement(connection, sql, values)
                .execute()
                .concatMap(result -> result.getRowsUpdated(), 1)
                .reduce(0L, Long::sum);
    }

    private <T> Mono<T> unit(Function<PostgresqlConnection, Mono<T>> work) {
        long start = timer.now(TimeUnit.NANOSECONDS);
        return Mono.usingWhen(
                Mono.from(connections.create()).onErrorMap(error -> DatabaseUnavailableException.of(error, false)),
                connection -> untilDeadline(physical(connection), start, work),
                Connection::close,
                (connection, error) -> Mono.from(connection.close()).onErrorComplete(),
                Connection::close);
    }

    private <T> Mono<T> untilDeadline(
            PostgresqlConnection connection, long start, Function<PostgresqlConnection, Mono<T>> work) {
        long left = Math.max(0, start + deadline.toNanos() - timer.now(TimeUnit.NANOSECONDS));
        Disposable expiry =
                timer.schedule(() -> connection.close().onErrorComplete().subscribe(), left, TimeUnit.NANOSECONDS);
        return Mono.defer(() -> work.apply(connection))
                .onErrorResume(error -> failed(connection, DatabaseUnavailableException.of(error, true)))
                .doFinally(end -> expiry.dispose());
    }

    /** What was connected to a server that takes no changes may stay read-only when the server does not. */
    private <T> Mono<T> failed(PostgresqlConnection connection, Throwable error) {
        if (!(error instanceof DatabaseUnavailableException away && away.isReadOnly())) {
            return Mono.error(error);
        }
        if (connections instanceof Pool pool) {
            pool.renew();
        }
        return connection.close().onErrorComplete().then(Mono.error(error));
    }

    private static PostgresqlConnection physical(Connection connection) {
        if (connection instanceof PostgresqlConnection postgresql) {
            return postgresql;
        }
        if (connection instanceof Wrapped<?> wrapped) {
            PostgresqlConnection postgresql = wrapped.unwrap(PostgresqlConnection.class);
            if (postgresql != null) {
                return postgresql;
            }
        }
        throw new IllegalStateException("Not a connection to PostgreSQL: " + connection);
    }

    private static PostgresqlStatement statement(
            PostgresqlConnection connection, String sql, @Nullable Object... values) {
        PostgresqlStatement statement = connection.createStatement(sql);
        for (int i = 0; i < values.length; i++) {
            Object value = values[i];
            if (value == null) {
                statement.bindNull(i, String.class);
            } else if (value instanceof Parameter parameter) {
                statement.bind(i, parameter);
            } else {
                statement.bind(i, value);
            }
        }
        return statement;
    }
}
