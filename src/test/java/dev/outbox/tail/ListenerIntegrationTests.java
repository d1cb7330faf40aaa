package dev.outbox.tail;

import io.r2dbc.postgresql.PostgresqlConnectionConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

class ListenerIntegrationTests {

    /** The kernel accepts for it. */
    @Test
    void aServerThatAcceptsAndSaysNothingIsGivenUp() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            PostgresqlConnectionFactory connections =
                    new PostgresqlConnectionFactory(PostgresqlConnectionConfiguration.builder()
                            .host("localhost")
                            .port(silent.getLocalPort())
                            .username("postgres")
                            .connectTimeout(Duration.ofSeconds(1))
                            .build());
            StepVerifier.create(Listener.connect(connections))
                    .expectError(TimeoutException.class)
                    .verify(Duration.ofSeconds(6));
        }
    }
}
