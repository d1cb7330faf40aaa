package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.MediaType;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.web.reactive.server.WebTestClient;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Changes that come line by line, against the real database. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "spring.liquibase.enabled=false")
class BatchIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);
    private static final TestDatabase DATABASE = TestDatabase.fresh();

    @LocalServerPort
    private int port;

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) {
        DATABASE.configure(registry);
    }

    @Test
    void eachLineIsAnsweredByALineInOrder() {
        List<String> answers = patch("""
                {"id":1,"status":"shipped"}

                {"id":2,"status":"shipped"
                {"id":999999,"status":"shipped"}
                {"id":1,"status":"canceled"}
                {"id":3,"status":"backorder","version":7}
                {"id":3,"status":"backorder","version":1}
                {"id":3,"status":"shipped"}
                {"id":4,"status":"lost"}
                {"id":5,"status":"canceled"}""");
        assertThat(answers).hasSize(9);
        assertThat(answers.get(0))
                .startsWith("{\"id\":1,\"clientId\":1,\"status\":\"shipped\",\"version\":2,\"createdAt\":\"2");
        assertThat(answers.get(1)).contains("problem:invalid-body", "\"line\":3");
        assertThat(answers.get(2)).contains("problem:unknown-order", "\"line\":4", "\"id\":999999");
        assertThat(answers.get(3)).contains("transition-not-allowed", "\"allowed\":[]", "\"line\":5");
        assertThat(answers.get(4)).contains("stale-version", "\"version\":1", "\"line\":6");
        assertThat(answers.get(5)).contains("\"id\":3", "\"status\":\"backorder\"", "\"version\":2");
        assertThat(answers.get(6)).contains("\"id\":3", "\"status\":\"shipped\"", "\"version\":3");
        assertThat(answers.get(7)).contains("\"id\":4", "\"line\":9", "created, backorder, shipped, canceled");
        assertThat(answers.get(8)).contains("\"id\":5", "\"status\":\"canceled\"");
    }

    @Test
    void aLineThatIsTooLongIsRefusedAndTheRestGoesOn() {
        List<String> answers =
                patch("x".repeat(100_000) + "\n{\"id\":6,\"status\":\"canceled\"}\n" + "y".repeat(17_000));
        assertThat(answers).hasSize(3);
        assertThat(answers.get(0)).contains("line-too-long", "\"line\":1");
        assertThat(answers.get(1)).contains("\"id\":6", "canceled");
        assertThat(answers.get(2)).contains("line-too-long", "\"line\":3");
    }

    @Test
    void anOrderThatIsLockedForLongHoldsUpNothingElse() throws Exception {
        try (Connection holder = DATABASE.connect();
                Statement statement = holder.createStatement()) {
            assertThat(ship(20).block(SOON)).isEqualTo(200); // the first parse of JSON takes a lock
            holder.setAutoCommit(false);
            statement.execute("select from orders where id = 21 for update");
            Mono<List<Integer>> locked =
                    Flux.range(0, 60).flatMap(n -> ship(21), 60).collectList().cache();
            CompletableFuture<List<Integer>> waiting = locked.toFuture();
            long slowest = 0;
            for (int id = 22; id < 72; id++) {
                long start = System.nanoTime();
                assertThat(ship(id).block(SOON)).isEqualTo(200);
                slowest = Math.max(slowest, System.nanoTime() - start);
            }
            assertThat(Duration.ofNanos(slowest)).isLessThan(Duration.ofMillis(700));
            assertThat(waiting.get(10, TimeUnit.SECONDS)).hasSize(60).containsOnly(503);
            List<String> answers = patch("{\"id\":20,\"status\":\"shipped\"}\n{\"id\":21,\"status\":\"shipped\"}\n");
            assertThat(answers.get(0)).contains("\"id\":20,", "shipped");
            assertThat(answers.get(1)).contains("\"status\":503", "Nothing was changed", "\"id\":21", "\"line\":2");
        }
        assertThat(ship(21).block(SOON)).isEqualTo(200);
    }

    private Mono<Integer> ship(long id) {
        return WebClient.create("http://localhost:" + port)
                .patch()
                .uri("/orders/" + id)
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"status\":\"shipped\"}")
                .exchangeToMono(answer ->
                        answer.releaseBody().thenReturn(answer.statusCode().value()));
    }

    @Test
    void manyLinesAreManyAnswers() {
        List<String> answers = patch(IntStream.rangeClosed(1, 20_000)
                .mapToObj(n -> "{\"id\":" + (100 + n % 800) + ",\"status\":\""
                        + (n / 800 % 2 == 0 ? "backorder" : "created") + "\"}")
                .collect(Collectors.joining("\n")));
        assertThat(answers).hasSize(20_000);
        for (int n = 1; n <= answers.size(); n++) {
            assertThat(answers.get(n - 1)).startsWith("{\"id\":" + (100 + n % 800) + ",");
        }
        assertThat(answers.get(19_999)).contains("\"id\":100,", "\"version\":26");
    }

    @Test
    void aClientThatWaitsForEachAnswerGetsIt() throws IOException {
        try (Socket socket = new Socket("localhost", port)) {
            socket.setSoTimeout(10_000);
            OutputStream out = socket.getOutputStream();
            BufferedReader in =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            send(out, """
                    PATCH /orders HTTP/1.1
                    Host: localhost
                    Content-Type: application/x-ndjson
                    Transfer-Encoding: chunked

                    """.replace("\n", "\r\n"));
            for (int id = 11; id <= 15; id++) {
                String line = "{\"id\":" + id + ",\"status\":\"shipped\"}\n";
                send(out, Integer.toHexString(line.length()) + "\r\n" + line + "\r\n");
                assertThat(awaitLine(in, "{\"id\":" + id + ",")).contains("shipped");
            }
            send(out, "0\r\n\r\n");
            assertThat(awaitLine(in, "0")).isEqualTo("0");
        }
    }

    @Test
    void onlyLinesAreTaken() {
        client().patch()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{}")
                .exchange()
                .expectStatus()
                .isEqualTo(415)
                .expectHeader()
                .valueEquals("Accept", "application/x-ndjson");
    }

    private List<String> patch(String lines) {
        byte[] body = client().patch()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_NDJSON)
                .bodyValue(lines)
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .contentType(MediaType.APPLICATION_NDJSON)
                .expectBody()
                .returnResult()
                .getResponseBodyContent();
        return new String(requireNonNull(body), StandardCharsets.UTF_8).lines().toList();
    }

    private WebTestClient client() {
        return WebTestClient.bindToServer()
                .baseUrl("http://localhost:" + port)
                .responseTimeout(Duration.ofSeconds(60))
                .codecs(codecs -> codecs.defaultCodecs().maxInMemorySize(64 << 20))
                .build();
    }

    private static void send(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private static String awaitLine(BufferedReader in, String start) throws IOException {
        List<String> before = new ArrayList<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.startsWith(start)) {
                return line;
            }
            before.add(line);
        }
        throw new AssertionError("Not answered: " + before);
    }
}
