package dev.outbox.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Service;
import dev.outbox.TestDatabase;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A service that is told to stop while clients keep connections open, some at work and some idle. */
@Timeout(180)
class StopIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();
    private static final int CLIENTS = 16;
    private static final int WARM = 50;

    private final CountDownLatch atWork = new CountDownLatch(CLIENTS);

    @Test
    void noKeptConnectionLosesARequestWithoutHavingBeenTold() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        try (Service service = new Service(DATABASE)) {
            int port = service.awaitPort();
            List<CompletableFuture<String>> ends = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                int order = i + 1;
                ends.add(CompletableFuture.supplyAsync(() -> work(port, order), threads));
            }
            try (HttpSocket idle = new HttpSocket(port)) {
                assertThat(idle.send(change(100, 0)).answer().status()).isEqualTo(200);
                assertThat(atWork.await(60, TimeUnit.SECONDS)).isTrue();
                assertThat(service.stop(Duration.ofSeconds(15))).isTrue();
                assertThat(idle.ends()).isTrue();
            }
            for (CompletableFuture<String> end : ends) {
                assertThat(end.get(10, TimeUnit.SECONDS)).isEqualTo("told");
            }
            assertThat(service.output()).doesNotContain("WARN", "ERROR", "Exception");
        } finally {
            threads.shutdownNow();
        }
    }

    /** Asks again and again on one connection until it is told that an answer is the last; how that ended. */
    private String work(int port, int order) {
        try (HttpSocket client = new HttpSocket(port)) {
            for (int asked = 0; ; asked++) {
                if (asked == WARM) {
                    atWork.countDown();
                }
                HttpSocket.Answer answer = client.send(change(order, asked)).answer();
                if (answer.status() != 200) {
                    return answer.toString();
                }
                if (answer.isLast()) {
                    return "told";
                }
            }
        } catch (IOException e) {
            return "lost: " + e;
        }
    }

    private static String change(int order, int count) {
        String body = "{\"status\":\"" + (count % 2 == 0 ? "backorder" : "created") + "\"}";
        return "PATCH /orders/" + order + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
                + body.length() + "\r\n\r\n" + body;
    }
}
