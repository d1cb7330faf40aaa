package dev.outbox.faults;

import dev.outbox.Service;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Two instances are replaced one after the other by a new version, which changes the schema, while clients ask the one that stays. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class RollingFaultTests {

    private static final Duration STOPPED_WITHIN = Duration.ofSeconds(25);

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
    private final Queue<Long> stops = new ConcurrentLinkedQueue<>();
    private int asked;
    private int failed;

    @Test
    void twoInstancesAreReplacedByANewVersion() throws Exception {
        try (Rig rig = new Rig(18, "rolling restart, new version with a schema change")) {
            rig.start();
            rig.start();
            for (Service service : rig.services) {
                service.awaitPort();
            }
            rig.write();
            for (int round = 1; round <= Lane.times(1, 5); round++) {
                replaceFirst(rig, round);
                replaceFirst(rig, round);
            }
            rig.writers().stop();
            rig.require(failed == 0, failed + " answers of the instance that stays were 5xx or none");
            rig.require(asked > 50, "only " + asked + " requests");
            requireTheNewHandler(rig);
            rig.requireAtLeast(rig.times.size() + 1, Course.CLAIMS);
            rig.settle("%d requests to the instance that stays, %d failed; stopped after %s ms"
                    .formatted(asked, failed, stops));
        }
    }

    private void replaceFirst(Rig rig, int round) throws Exception {
        Service old = rig.services.get(0);
        Service stays = rig.services.get(1);
        rig.pause(300, 1_000);
        rig.injectHarmless();
        long last = rig.sink.highest();
        long began = Rig.micros();
        CompletableFuture<Boolean> ends = CompletableFuture.supplyAsync(() -> stop(old));
        CompletableFuture<Integer> begins = ends.thenApply(stopped -> startNext(rig, round));
        while (!begins.isDone()) {
            ask(stays.awaitPort());
            rig.pause(5, 15);
        }
        rig.services.remove(old);
        rig.require(ends.get(), "did not stop within 25 s");
        begins.get(60, TimeUnit.SECONDS);
        rig.times.add(rig.awaitNews(last, began, process -> process != old.pid(), Rig.SOON));
    }

    private boolean stop(Service service) {
        try {
            long began = Rig.micros();
            boolean stopped = service.stop(STOPPED_WITHIN);
            stops.add((Rig.micros() - began) / 1_000);
            return stopped;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int startNext(Rig rig, int round) {
        try {
            return rig.start(
                            rig.database,
                            List.of("-Xmx256m"),
                            Map.of(
                                    TestedApplication.NEXT,
                                    "true",
                                    "SPRING_LIQUIBASE_ENABLED",
                                    "true",
                                    "SPRING_LIQUIBASE_CHANGELOG",
                                    "classpath:faults/next.yaml",
                                    "SPRING_LIQUIBASE_PARAMETERS_ROUND",
                                    Integer.toString(round)))
                    .awaitPort();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void ask(int port) throws InterruptedException {
        int order = 1 + asked % Servers.ORDERS;
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + port + "/orders/" + order))
                .timeout(Duration.ofSeconds(5));
        if (asked % 4 == 0) {
            request.header("Content-Type", "application/json")
                    .method("PATCH", HttpRequest.BodyPublishers.ofString("{\"status\":\"backorder\"}"));
        }
        asked++;
        try {
            HttpResponse<Void> answer = http.send(request.build(), HttpResponse.BodyHandlers.discarding());
            failed += answer.statusCode() >= 500 ? 1 : 0;
        } catch (IOException e) {
            failed++;
        }
    }

    /** It began at the beginning of the log when its first instance led. */
    private static void requireTheNewHandler(Rig rig) {
        String missing = """
                select count(*) from outbox.event e
                left join (select event_id, count(*) as times from faults_count where counter = 'faults-next' group by event_id) c
                    on c.event_id = e.id
                where c.times is distinct from 1
                """;
        Servers.waitFor(() -> rig.database.number(missing) == 0, Rig.SOON);
        rig.require(rig.database.number(missing) == 0, "the new handler missed or repeated events");
    }
}
