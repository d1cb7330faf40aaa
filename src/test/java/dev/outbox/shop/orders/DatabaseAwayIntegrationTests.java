package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.web.reactive.server.EntityExchangeResult;
import org.springframework.test.web.reactive.server.WebTestClient;

/** Without its database the API says so in time, and takes up its work by itself; also with a pool that is small. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {"spring.liquibase.enabled=false", "spring.r2dbc.pool.max-size=2"})
class DatabaseAwayIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();
    private static final Door DOOR = new Door(DATABASE);

    @LocalServerPort
    private int port;

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) {
        DATABASE.configure(registry);
        registry.add("spring.r2dbc.url", () -> "r2dbc:postgresql://localhost:" + DOOR.port() + "/" + DATABASE.name());
    }

    @AfterAll
    static void close() {
        DOOR.close();
    }

    @BeforeEach
    void open() {
        DOOR.open();
        awaitOrder();
    }

    @Test
    void aDatabaseThatIsGoneIsToldInTimeAndFoundAgain() {
        DOOR.shut();
        isUnavailable();
        isUnavailable();
        DOOR.open();
        awaitOrder();
    }

    @Test
    void aDatabaseThatIsSilentIsToldInTimeAndFoundAgain() {
        DOOR.freeze();
        isUnavailable();
        isUnavailable();
        DOOR.open();
        awaitOrder();
    }

    @Test
    void eachLineIsAnsweredWithoutTheDatabase() {
        DOOR.shut();
        byte[] body = client().patch()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_NDJSON)
                .bodyValue("{\"id\":1,\"status\":\"shipped\"}\n{\"id\":2,\"status\":\"shipped\"}\n")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .returnResult()
                .getResponseBodyContent();
        assertThat(new String(requireNonNull(body), StandardCharsets.UTF_8).lines())
                .hasSize(2)
                .allMatch(line -> line.contains("\"status\":503"));
    }

    private void isUnavailable() {
        for (String path : new String[] {"/orders/1", "/orders", "/orders/1/charges", "/orders/1/events"}) {
            isUnavailable(client().get().uri(path));
        }
        isUnavailable(client().patch()
                .uri("/orders/1")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"status\":\"created\"}"));
    }

    private static void isUnavailable(WebTestClient.RequestHeadersSpec<?> request) {
        long start = System.nanoTime();
        request.exchange()
                .expectStatus()
                .isEqualTo(503)
                .expectHeader()
                .valueEquals(HttpHeaders.RETRY_AFTER, "1")
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:database-unavailable");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(3));
    }

    private void awaitOrder() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        EntityExchangeResult<byte[]> result;
        do {
            result = client().get().uri("/orders/1").exchange().expectBody().returnResult();
        } while (result.getStatus().value() != 200 && System.nanoTime() < deadline);
        assertThat(result.getStatus().value()).isEqualTo(200);
    }

    private WebTestClient client() {
        return WebTestClient.bindToServer()
                .baseUrl("http://localhost:" + port)
                .responseTimeout(Duration.ofSeconds(20))
                .build();
    }
}
