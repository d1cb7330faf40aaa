package dev.outbox.shop.orders;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.web.reactive.server.WebTestClient;

/** A database that takes no changes, like a server that has become a standby, is told as such, and is found out when it takes them again. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "spring.liquibase.enabled=false")
class ReadOnlyDatabaseIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();

    @LocalServerPort
    private int port;

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) {
        DATABASE.configure(registry);
    }

    @Test
    void aChangeIsRefusedWhileTheDatabaseIsReadOnlyAndMadeAfterwards() {
        awaitReadiness(200, "UP");
        readOnly("on");
        endSessions();
        awaitReadiness(503, "READ_ONLY");
        ship(1).expectStatus()
                .isEqualTo(503)
                .expectHeader()
                .valueEquals(HttpHeaders.RETRY_AFTER, "1")
                .expectBody()
                .jsonPath("$.detail")
                .isEqualTo("The database takes no changes at present. Nothing was changed; try again.");
        client().get().uri("/orders/1").exchange().expectStatus().isOk();
        readOnly("off");
        ship(1).expectStatus().isOk(); // on a new connection: those there are stay read-only
        awaitReadiness(200, "UP");
    }

    private WebTestClient.ResponseSpec ship(long id) {
        return client().patch()
                .uri("/orders/" + id)
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"status\":\"shipped\"}")
                .exchange();
    }

    private static void readOnly(String value) {
        new TestDatabase(DATABASE.host(), DATABASE.port(), "postgres")
                .execute("alter database " + DATABASE.name() + " set default_transaction_read_only = " + value);
    }

    private static void endSessions() {
        DATABASE.value("select count(pg_terminate_backend(pid)) from pg_stat_activity"
                + " where datname = current_database() and pid <> pg_backend_pid()");
    }

    private void awaitReadiness(int status, String word) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        String answer;
        do {
            var result = client().get()
                    .uri("/actuator/health/readiness")
                    .exchange()
                    .expectBody(String.class)
                    .returnResult();
            answer = result.getStatus().value() + " " + result.getResponseBody();
        } while (!answer.equals(status + " {\"status\":\"" + word + "\"}") && System.nanoTime() < deadline);
        assertThat(answer).isEqualTo(status + " {\"status\":\"" + word + "\"}");
    }

    private WebTestClient client() {
        return WebTestClient.bindToServer()
                .baseUrl("http://localhost:" + port)
                .responseTimeout(Duration.ofSeconds(20))
                .build();
    }
}
