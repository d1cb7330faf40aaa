package dev.outbox.database;

import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.Map;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Primary;

/** The API's connections, in place of Spring Boot's pool, and their deadlines. */
@Configuration(proxyBeanMethods = false)
class DatabaseConfiguration {

    /** Longer than the server's statement_timeout, so that the server gives up first; both within the 3 s of a 503. */
    private static final Duration DEADLINE = Duration.ofMillis(2_500);

    /** The pool tries twice; then it is a 503. */
    private static final Duration ACQUIRE_WITHIN = Duration.ofMillis(1_200);

    private static final Duration CONNECT_WITHIN = Duration.ofSeconds(2);

    @Bean(destroyMethod = "dispose")
    ConnectionPool connectionFactory(Connections connections, R2dbcProperties properties) {
        String name = "outbox api";
        return new Pool(
                connections.unpooled(name, Map.of("statement_timeout", "2s", "lock_timeout", "2s")),
                name,
                properties.getPool().getMaxSize(),
                ACQUIRE_WITHIN,
                CONNECT_WITHIN);
    }

    @Bean
    @Primary
    Database api(ConnectionPool connections) {
        return new Database(connections, DEADLINE);
    }
}
