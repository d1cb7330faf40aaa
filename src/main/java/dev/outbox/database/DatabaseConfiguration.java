package dev.outbox.database;

import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.APPLICATION_NAME;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.FORCE_BINARY;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.OPTIONS;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.TCP_KEEPALIVE;
import static io.r2dbc.spi.ConnectionFactoryOptions.CONNECT_TIMEOUT;

import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Map;
import org.springframework.boot.r2dbc.autoconfigure.ConnectionFactoryOptionsBuilderCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Primary;

/** The API's connections: Spring Boot's pool ({@code spring.r2dbc.pool.*}) with deadlines. */
@Configuration(proxyBeanMethods = false)
class DatabaseConfiguration {

    /** Longer than the server's statement_timeout, so that the server gives up first; both within the 3 s of a 503. */
    private static final Duration DEADLINE = Duration.ofMillis(2_500);

    @Bean
    ConnectionFactoryOptionsBuilderCustomizer apiConnections() {
        return builder -> builder.option(APPLICATION_NAME, "outbox api")
                .option(CONNECT_TIMEOUT, Connections.CONNECT_WITHIN)
                .option(TCP_KEEPALIVE, true)
                .option(FORCE_BINARY, true) // times as text are what costs the most to read
                .option(OPTIONS, Map.of("statement_timeout", "2s", "lock_timeout", "2s"));
    }

    @Bean
    @Primary
    Database api(ConnectionFactory connections) {
        return new Database(connections, DEADLINE);
    }
}
