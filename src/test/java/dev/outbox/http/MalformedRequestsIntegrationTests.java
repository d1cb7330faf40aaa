package dev.outbox.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** What is no HTTP is answered as a problem and counted, and leaves nothing in the log. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "spring.liquibase.enabled=false")
@ExtendWith(OutputCaptureExtension.class)
@Timeout(60)
class MalformedRequestsIntegrationTests {

    private static final Pattern SERVERS_WARNING = Pattern.compile(
            "(WARN|ERROR) +(io\\.netty|reactor|org\\.springframework|dev\\.outbox\\.(http|problems))\\.");

    private static final TestDatabase DATABASE = TestDatabase.fresh();

    @Autowired
    private MeterRegistry meters;

    @LocalServerPort
    private int port;

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) {
        DATABASE.configure(registry);
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                Arguments.of(400, "bad-request", "not-http\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders HTTP/x\r\n\r\n"),
                Arguments.of(400, "bad-request", "G(T /orders HTTP/1.1\r\nHost: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders HTTP/1.1\r\nHost: a:b\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders HTTP/1.1\r\nHost: a:99999999999\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders HTTP/1.1\r\nHo st: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /ord\0ers HTTP/1.1\r\nHost: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders?limit=2% HTTP/1.1\r\nHost: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders?limit=%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders/%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "GET /orders|1 HTTP/1.1\r\nHost: a\r\n\r\n"),
                Arguments.of(400, "bad-request", "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: ten\r\n\r\n"),
                Arguments.of(
                        400,
                        "bad-request",
                        "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
                Arguments.of(400, "bad-request", chunked() + "xyz\r\n"),
                Arguments.of(414, "uri-too-long", "GET /orders?" + "a".repeat(9000) + " HTTP/1.1\r\n\r\n"),
                Arguments.of(
                        431, "headers-too-large", "GET /orders HTTP/1.1\r\nX: " + "a".repeat(500_000) + "\r\n\r\n"));
    }

    private static String chunked() {
        return "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void isAnsweredAndCountedAndNotLogged(int status, String type, String request, CapturedOutput output)
            throws IOException {
        double before = counted();
        try (HttpSocket client = new HttpSocket(port)) {
            isProblem(client.send(request).answer(), status, type);
        }
        assertThat(counted()).isEqualTo(before + 1);
        isSilent(output);
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void comesAfterTheAnswersOfWhatWasSentBefore(int status, String type, String request, CapturedOutput output)
            throws IOException {
        try (HttpSocket client = new HttpSocket(port)) {
            client.send("GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3) + request);
            for (int i = 0; i < 3; i++) {
                assertThat(client.answer().status()).isEqualTo(200);
            }
            isProblem(client.answer(), status, type);
        }
        isSilent(output);
    }

    @Test
    void aBrokenBodyThatNobodyReadsEndsTheConnectionAfterTheAnswer(CapturedOutput output) throws IOException {
        double before = counted();
        try (HttpSocket client = new HttpSocket(port)) {
            client.send("GET /orders/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n");
            assertThat(client.answer().status()).isEqualTo(200);
            assertThat(client.ends()).isTrue();
        }
        assertThat(counted()).isEqualTo(before + 1);
        isSilent(output);
    }

    @Test
    void whoLeavesInTheMiddleOfARequestIsNotLogged(CapturedOutput output) throws IOException {
        for (String part : new String[] {
            "GET /or",
            "GET /orders HTTP/1.1\r\nHo",
            "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
            "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{"
        }) {
            try (HttpSocket client = new HttpSocket(port)) {
                client.send(part);
            }
        }
        try (HttpSocket client = new HttpSocket(port)) {
            assertThat(client.send("GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")
                            .answer()
                            .status())
                    .isEqualTo(200);
        }
        isSilent(output);
    }

    @Test
    void anUnreadableUriCostsNoConnection() throws IOException {
        try (HttpSocket client = new HttpSocket(port)) {
            client.send("GET /orders?limit=2% HTTP/1.1\r\nHost: a\r\n\r\n");
            assertThat(client.answer().isLast()).isFalse();
            client.send("GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n");
            assertThat(client.answer().status()).isEqualTo(200);
        }
    }

    private static void isProblem(HttpSocket.Answer answer, int status, String type) {
        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.type()).isEqualTo("application/problem+json");
        assertThat(answer.body())
                .contains("\"type\":\"urn:outbox:problem:" + type + "\"")
                .contains("\"status\":" + status);
    }

    /** Of the server; what else runs in this process may have its own to say. */
    private static void isSilent(CapturedOutput output) {
        assertThat(output.getAll()).doesNotContainPattern(SERVERS_WARNING);
    }

    private double counted() {
        return meters.find("outbox.http.malformed").counters().stream()
                .mapToDouble(counter -> counter.count())
                .sum();
    }
}
