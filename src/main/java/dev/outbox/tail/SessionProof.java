package dev.outbox.tail;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import reactor.core.publisher.Mono;

/**
 * Finds out whether a connection has a session of its own at the server. A pooler in transaction mode gives it another one at any
 * statement, most likely the same again while nobody else is there: so a second connection holds a transaction meanwhile, which
 * keeps the one that was used last. What is left behind in a session that is shared is a setting that nobody reads; a lock would
 * stay held.
 */
final class SessionProof {

    private static final Duration WITHIN = Duration.ofSeconds(3);

    private static final String MARK = "select pg_backend_pid() as pid, set_config('outbox.session', $1, false)";

    private static final String OPEN = "select pg_backend_pid() as pid where $1";

    private static final String LOOK = """
            select pg_backend_pid() as pid
            where current_setting('outbox.session', true) = $1
            """;

    private SessionProof() {}

    /**
     * Asks for the proof.
     *
     * @param connection whose session is in question
     * @param connections for the second one
     * @return the process at the server that serves the session; fails with {@link SharedSessionException} if there is not one
     */
    static Mono<Integer> of(PostgresqlConnection connection, PostgresqlConnectionFactory connections) {
        String mark = Long.toHexString(ThreadLocalRandom.current().nextLong());
        return pid(connection, MARK, mark)
                .flatMap(marked -> Mono.usingWhen(
                        connections.create(),
                        second -> second.beginTransaction()
                                .then(pid(second, OPEN, true))
                                .flatMap(opened -> pid(connection, LOOK, mark)
                                        .filter(now -> now.equals(marked) && !now.equals(opened))
                                        .switchIfEmpty(Mono.error(SessionProof::shared))),
                        second -> second.close().onErrorComplete()))
                .timeout(WITHIN);
    }

    private static Mono<Integer> pid(PostgresqlConnection connection, String sql, Object value) {
        return Database.toItsEnd(Database.rows(
                        connection, row -> requireNonNull(row.get("pid", Integer.class)), sql, value)
                .next());
    }

    private static SharedSessionException shared() {
        return new SharedSessionException("a setting of the session was gone at its next statement");
    }
}
