package dev.outbox.faults;

import dev.outbox.Service;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Handlers do with the events of some keys whatever handlers may do wrong, and the other keys must not feel it. That a comparison of this
 * kind can fail is shown in {@link SinkFaultTests}.
 */
@ExtendWith(Findings.class)
@Timeout(3_600)
class HandlerFaultTests {

    private static final int PERMILLE = 10;

    /** A text of 10 MB and a stack that overflows keep the event loop busy, for as long as the handler makes them. */
    private static final long GRANTED_MICROS = 100_000;

    private static final int EVENTS = Lane.isLong() ? 100_000 : 0;

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void handlersMisbehaveWithSomeKeys() throws Exception {
        try (Rig rig = new Rig(14, "handlers misbehave with 1 % of the keys")) {
            SinkProcess beside = rig.anotherSink();
            HealthyKeys.startBoth(rig, beside, Map.of(TestedApplication.TROUBLE, "yes"));
            HealthyKeys before = HealthyKeys.watch(rig, beside, PERMILLE);
            rig.require(before.p99() < 1_000_000, "the machine is too busy to compare: before %s".formatted(before));
            rig.inject();
            trouble(rig, PERMILLE);
            rig.pause(4_000, 4_001); // each kind has been seen then: what is slow the first time is not what is asked
            HealthyKeys during = HealthyKeys.watch(rig, beside, PERMILLE, EVENTS);
            List<String> missing = new ArrayList<>(Trouble.kinds());
            String done = trouble(rig, 0);
            missing.removeIf(kind -> done.contains(kind + "="));
            rig.require(missing.isEmpty(), "did not happen: " + missing);
            rig.require(
                    during.isFree(before, GRANTED_MICROS),
                    "healthy keys are held up: %s, before %s".formatted(during, before));
            rig.settle("healthy keys' p99 %s; before %s".formatted(during, before));
        }
    }

    /** Says what the handlers of both services have done so far. */
    private String trouble(Rig rig, int permille) throws Exception {
        List<String> done = new ArrayList<>();
        for (Service service : rig.services) {
            URI uri = URI.create(service.url() + "/faults/trouble/" + permille);
            HttpResponse<String> answer = http.send(
                    HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(10)).build(),
                    HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(uri + ": " + answer.statusCode());
            }
            done.add(answer.body());
        }
        return String.join(" ", done);
    }
}
