package dev.outbox.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** What becomes of requests on connections that clients treat in unusual ways: every one that was taken is answered, in order. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "spring.liquibase.enabled=false")
@Timeout(60)
class ConnectionsIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();

    private static final int MEGABYTE = 1 << 20;
    private static final String CHUNKED = "Transfer-Encoding: chunked";

    @LocalServerPort
    private int port;

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) {
        DATABASE.configure(registry);
    }

    @Test
    void whoEndsTheRequestsIsAnsweredAndThenTheConnectionEnds() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(patch(11, "shipped", "")).endRequests();
            HttpSocket.Answer answer = client.answer();
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.isLast()).isTrue();
            assertThat(client.ends()).isTrue();
        }
    }

    @Test
    void whoEndsTheRequestsGetsTheWholeOfALongAnswer() throws IOException {
        try (HttpSocket client = connect()) {
            client.send("GET /orders HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n")
                    .endRequests();
            assertThat(client.answer().body().lines()).hasSizeGreaterThanOrEqualTo(1000);
            assertThat(client.ends()).isTrue();
        }
    }

    @Test
    void whoEndsTheRequestsWithoutOneIsLeftAtOnce() throws IOException {
        try (HttpSocket client = connect()) {
            long began = System.nanoTime();
            assertThat(client.endRequests().ends()).isTrue();
            assertThat(since(began)).isLessThan(Duration.ofSeconds(1));
        }
        try (HttpSocket client = connect()) {
            assertThat(client.send(get(12, "")).answer().status()).isEqualTo(200);
            long began = System.nanoTime();
            assertThat(client.endRequests().ends()).isTrue();
            assertThat(since(began)).isLessThan(Duration.ofSeconds(1));
        }
    }

    @Test
    void aBodyThatIsCutOffIsNotTakenForAWholeOne() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(head("PATCH /orders/13", "application/json", "Content-Length: 99") + "{\"status\":\"shipped\"}")
                    .endRequests();
            isMalformed(client.answer(), 400);
            assertThat(client.ends()).isTrue();
        }
        assertThat(status(13)).isEqualTo("created");
    }

    @Test
    void aBodyThatBreaksIsNotTakenForAWholeOne() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(head("PATCH /orders/14", "application/json", CHUNKED) + "14\r\n{\"status\":\"shipped\"}\r\n");
            client.send("xyz\r\n");
            isMalformed(client.answer(), 400);
            assertThat(client.ends()).isTrue();
        }
        assertThat(status(14)).isEqualTo("created");
    }

    @Test
    void linesBeforeTheCutAreAnsweredAndTheConnectionEnds() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(head("PATCH /orders", "application/x-ndjson", CHUNKED)
                    + "1d\r\n{\"id\":15,\"status\":\"shipped\"}\n\r\n");
            client.endRequests();
            HttpSocket.Answer answer = client.answer();
            assertThat(answer.body().lines().findFirst().orElseThrow()).contains("\"id\":15");
            assertThat(answer.body().lines().toList().get(1)).contains("urn:outbox:problem:bad-request");
            assertThat(client.ends()).isTrue();
        }
        assertThat(status(15)).isEqualTo("shipped");
    }

    @Test
    void requestsThatAreSentTogetherAreAnsweredInOrderUpToTheLast() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(patch(16, "shipped", "")
                    + get(17, "")
                    + patch(18, "shipped", "")
                    + get(16, "")
                    + get(18, "Connection: close\r\n"));
            assertThat(client.answer().body()).contains("\"id\":16,").contains("shipped");
            assertThat(client.answer().body()).contains("\"id\":17,");
            assertThat(client.answer().body()).contains("\"id\":18,").contains("shipped");
            assertThat(client.answer().body()).contains("\"id\":16,").contains("shipped");
            HttpSocket.Answer last = client.answer();
            assertThat(last.body()).contains("\"id\":18,").contains("shipped");
            assertThat(last.isLast()).isTrue();
            assertThat(client.ends()).isTrue();
        }
    }

    @Test
    void manyRequestsThatAreSentTogetherAreAnsweredInOrder() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(gets(800) + get(900, "Connection: close\r\n"));
            for (int i = 100; i <= 900; i++) {
                assertThat(client.answer().body()).startsWith("{\"id\":" + i + ",");
            }
            assertThat(client.ends()).isTrue();
        }
    }

    @Test
    void requestsThatAreSentTogetherBeforeTheClientEndsItsSideAreAllAnswered() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(gets(100)).endRequests();
            for (int i = 100; i < 200; i++) {
                HttpSocket.Answer answer = client.answer();
                assertThat(answer.body()).startsWith("{\"id\":" + i + ",");
                assertThat(answer.isLast()).isEqualTo(i == 199);
            }
            assertThat(client.ends()).isTrue();
        }
    }

    @Test
    void aBodyThatIsTooLargeIsRefusedAndTheAnswerArrives() throws IOException {
        byte[] body = new byte[8 * MEGABYTE];
        Arrays.fill(body, (byte) ' ');
        for (int i = 0; i < 20; i++) {
            try (HttpSocket client = connect()) {
                client.send(i % 2 == 0 ? post("Content-Length: " + body.length) : post(CHUNKED) + "800000\r\n");
                client.send(body);
                HttpSocket.Answer answer = client.answer();
                assertThat(answer.status()).isEqualTo(413);
                assertThat(answer.body()).contains("urn:outbox:problem:body-too-large");
                assertThat(answer.isLast()).isTrue();
                assertThat(client.ends()).isTrue();
            }
        }
    }

    @Test
    void aBodyWithoutEndIsNotReadToItsEnd() throws IOException {
        byte[] chunk = new byte[MEGABYTE + 10];
        Arrays.fill(chunk, (byte) ' ');
        byte[] size = "100000\r\n".getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(size, 0, chunk, 0, size.length);
        chunk[chunk.length - 2] = '\r';
        chunk[chunk.length - 1] = '\n';
        try (HttpSocket client = connect()) {
            client.send(post(CHUNKED));
            assertThat(megabytesTaken(client, chunk, 200)).isBetween(1, 40);
        }
    }

    @Test
    void whoNeitherSendsNorHangsUpAfterARefusalIsLeft() throws IOException {
        try (HttpSocket client = connect()) {
            client.send(post("Content-Length: 99999999"));
            assertThat(client.answer().status()).isEqualTo(413);
            assertThat(client.ends()).isTrue();
            awaitLeft(client);
        }
    }

    @Test
    void aSmallBodyThatNobodyReadsCostsNoConnection() throws IOException {
        try (HttpSocket client = connect()) {
            String refused = head("POST /orders", "text/plain", "Content-Length: 5") + "hello";
            assertThat(client.send(refused).answer().status()).isEqualTo(415);
            assertThat(client.send(refused + get(19, "")).answer().isLast()).isFalse();
            assertThat(client.answer().body()).contains("\"id\":19,");
        }
    }

    private static int megabytesTaken(HttpSocket client, byte[] chunk, int most) {
        for (int i = 0; i < most; i++) {
            try {
                client.send(chunk);
            } catch (IOException left) {
                return i;
            }
        }
        return most;
    }

    private static void awaitLeft(HttpSocket client) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        assertThatThrownBy(() -> {
                    while (System.nanoTime() < deadline) {
                        client.send(" ");
                    }
                })
                .isInstanceOf(IOException.class);
    }

    private static void isMalformed(HttpSocket.Answer answer, int status) {
        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.type()).isEqualTo("application/problem+json");
        assertThat(answer.isLast()).isTrue();
    }

    private static String gets(int number) {
        StringBuilder requests = new StringBuilder();
        for (int i = 0; i < number; i++) {
            requests.append(get(100 + i, ""));
        }
        return requests.toString();
    }

    private static String get(int order, String headers) {
        return "GET /orders/" + order + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
    }

    private static String patch(int order, String status, String headers) {
        String body = "{\"status\":\"" + status + "\"}";
        return head("PATCH /orders/" + order, "application/json", headers + "Content-Length: " + body.length()) + body;
    }

    private static String post(String header) {
        return head("POST /orders", "application/json", header);
    }

    private static String head(String request, String type, String header) {
        return request + " HTTP/1.1\r\nHost: a\r\nContent-Type: " + type + "\r\n" + header + "\r\n\r\n";
    }

    private static String status(int order) {
        return DATABASE.value("select status from orders where id = " + order);
    }

    private static Duration since(long began) {
        return Duration.ofNanos(System.nanoTime() - began);
    }

    private HttpSocket connect() throws IOException {
        return new HttpSocket(port);
    }
}
