package dev.outbox.database;

import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.APPLICATION_NAME;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.FORCE_BINARY;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.OPTIONS;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.TCP_KEEPALIVE;
import static io.r2dbc.spi.ConnectionFactoryOptions.CONNECT_TIMEOUT;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import java.time.Duration;
import java.util.Map;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.r2dbc.autoconfigure.ConnectionFactoryOptionsBuilderCustomizer;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Primary;

/**
 * Three sets of connections, so that none can starve another: those of the API (Spring Boot's pool, {@code spring.r2dbc.pool.*}),
 * those that read the log, and those that the relay's handlers and checkpoints use; and the factory of the listener's own one.
 */
@Configuration(proxyBeanMethods = false)
class DatabaseConfiguration {

    private static final Duration CONNECT = Duration.ofMillis(1_500);

    /** Longer than the server's statement_timeout, so that the server gives up first; both within the 3 s of a 503. */
    private static final Duration API_DEADLINE = Duration.ofMillis(2_500);

    private static final Duration RELAY_DEADLINE = Duration.ofSeconds(30);

    @Bean
    ConnectionFactoryOptionsBuilderCustomizer apiConnections() {
        return builder -> builder.option(APPLICATION_NAME, "outbox api")
                .option(CONNECT_TIMEOUT, CONNECT)
                .option(TCP_KEEPALIVE, true)
                .option(OPTIONS, Map.of("statement_timeout", "2s", "lock_timeout", "2s"));
    }

    @Bean
    @Primary
    Database api(ConnectionFactory connections) {
        return new Database(connections, API_DEADLINE);
    }

    /** Reads the log. Its plans must not depend on statistics: an index leads to every page. */
    @Bean
    Database logReaders(@Qualifier("logReaderPool") ConnectionPool pool) {
        return new Database(pool, RELAY_DEADLINE);
    }

    @Bean(destroyMethod = "dispose", defaultCandidate = false)
    ConnectionPool logReaderPool(R2dbcConnectionDetails details) {
        return pool(
                "outbox log",
                factory(
                        details,
                        "outbox log",
                        Map.of(
                                "enable_seqscan", "off",
                                "enable_bitmapscan", "off",
                                "jit", "off",
                                "max_parallel_workers_per_gather", "0",
                                "statement_timeout", "20s")));
    }

    /** Writes checkpoints and runs transactional handlers. */
    @Bean
    Database relay(@Qualifier("relayPool") ConnectionPool pool) {
        return new Database(pool, RELAY_DEADLINE);
    }

    @Bean(destroyMethod = "dispose", defaultCandidate = false)
    ConnectionPool relayPool(R2dbcConnectionDetails details) {
        return pool("outbox relay", factory(details, "outbox relay", Map.of("statement_timeout", "20s")));
    }

    /** Makes the listener's own connection. The server ends it when its owner is silent: a frozen owner must not lead. */
    @Bean(defaultCandidate = false)
    PostgresqlConnectionFactory listenerConnections(R2dbcConnectionDetails details) {
        return factory(details, "outbox listener", Map.of("idle_session_timeout", "5s", "statement_timeout", "5s"));
    }

    private static PostgresqlConnectionFactory factory(
            R2dbcConnectionDetails details, String name, Map<String, String> settings) {
        ConnectionFactoryOptions options = details.getConnectionFactoryOptions()
                .mutate()
                .option(APPLICATION_NAME, name)
                .option(CONNECT_TIMEOUT, CONNECT)
                .option(TCP_KEEPALIVE, true)
                .option(FORCE_BINARY, true)
                .option(OPTIONS, settings)
                .build();
        return new PostgresqlConnectionFactoryProvider().create(options);
    }

    private static ConnectionPool pool(String name, PostgresqlConnectionFactory factory) {
        return new ConnectionPool(ConnectionPoolConfiguration.builder(factory)
                .name(name)
                .initialSize(0)
                .maxSize(8)
                .maxAcquireTime(Duration.ofSeconds(5))
                .maxCreateConnectionTime(Duration.ofSeconds(3))
                .maxValidationTime(Duration.ofSeconds(1))
                .maxLifeTime(Duration.ofMinutes(30))
                .build());
    }
}
