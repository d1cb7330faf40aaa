package dev.outbox.database;

import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.APPLICATION_NAME;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.CURRENT_SCHEMA;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.FORCE_BINARY;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.OPTIONS;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SCHEMA;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.TCP_KEEPALIVE;
import static io.r2dbc.spi.ConnectionFactoryOptions.CONNECT_TIMEOUT;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider;
import io.r2dbc.spi.ConnectionFactoryOptions;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;
import org.springframework.stereotype.Component;

/**
 * Makes connections to the configured database for those who must not share the API's pool, so that none can starve another. Each
 * set carries a name, seen in pg_stat_activity, and its own server settings.
 */
@Component
public final class Connections {

    static final Duration CONNECT_WITHIN = Duration.ofMillis(1_500);

    /**
     * A host that vanishes says nothing, and the server would keep its sessions, with what they lock, for two hours: after 10 s of silence
     * it asks, and what it sent is answered within 20 s or the session ends.
     */
    private static final Map<String, String> FORGOTTEN =
            Map.of("tcp_keepalives_idle", "10", "tcp_keepalives_interval", "5", "tcp_user_timeout", "20s");

    private final R2dbcConnectionDetails details;

    Connections(R2dbcConnectionDetails details) {
        this.details = details;
    }

    /** A pool, whose every wait is bounded; the caller disposes it. */
    public ConnectionPool pool(String name, int size, Map<String, String> settings) {
        return new Pool(unpooled(name, settings), name, size, Duration.ofSeconds(5), Duration.ofSeconds(3));
    }

    /** What the work relies on, whatever the database says of other sessions. Read-only is not among it: that is an operator's word. */
    private Map<String, String> session(Map<String, String> settings) {
        ConnectionFactoryOptions options = details.getConnectionFactoryOptions();
        Object schema = options.hasOption(SCHEMA) ? options.getValue(SCHEMA) : options.getValue(CURRENT_SCHEMA);
        Map<String, String> session = new HashMap<>(Map.of(
                "search_path", schema == null ? "public" : schema.toString(),
                "default_transaction_isolation", "read committed",
                "statement_timeout", "20s",
                "lock_timeout", "20s",
                "idle_in_transaction_session_timeout", "30s",
                "idle_session_timeout", "0"));
        session.putAll(FORGOTTEN);
        session.putAll(settings);
        return session;
    }

    /** For a connection that its user keeps. */
    public PostgresqlConnectionFactory unpooled(String name, Map<String, String> settings) {
        ConnectionFactoryOptions options = details.getConnectionFactoryOptions()
                .mutate()
                .option(APPLICATION_NAME, name)
                .option(CONNECT_TIMEOUT, CONNECT_WITHIN)
                .option(TCP_KEEPALIVE, true)
                .option(FORCE_BINARY, true)
                .option(OPTIONS, session(settings))
                .build();
        return new PostgresqlConnectionFactoryProvider().create(options);
    }
}
