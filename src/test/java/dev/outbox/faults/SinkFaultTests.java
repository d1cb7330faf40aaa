package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The sink answers errors, nothing, resets and refuses; then some keys are poisoned and the others must not feel it. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class SinkFaultTests {

    private static final long RECOVERED_WITHIN = 10_000;
    private static final int EVENTS_OF_THE_LONG_LANE = 100_000;
    private static final int POISONED_PERMILLE = 10;

    /** More keys than the handler has at a time. */
    private static final int POISONED_PERMILLE_OF_THE_TWIN = 100;

    @Test
    void theSinkIsAway() throws Exception {
        try (Rig rig = new Rig(13, "sink: errors, timeouts, refuses, resets")) {
            rig.start().awaitPort();
            rig.write();
            List<Sink.Mode> modes = List.of(Sink.Mode.FAILS, Sink.Mode.HANGS, Sink.Mode.REFUSES, Sink.Mode.RESETS);
            for (int i = 0; i < 4 || (Lane.isLong() && rig.lastEvent() < EVENTS_OF_THE_LONG_LANE); i++) {
                rig.inject();
                rig.sink.is(modes.get(i % 4));
                rig.pause(2_000, 3_000);
                rig.sink.is(Sink.Mode.TAKES);
                rig.times.add(rig.awaitNews(process -> true, Rig.SOON));
                rig.pause(1_000, 1_500);
            }
            rig.requireAtLeast(2, Course.CIRCUITS);
            rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
            rig.settle("ms to the first new event after");
        }
    }

    @Test
    void someKeysArePoisoned() throws Exception {
        try (Rig rig = new Rig(14, "sink: 1 % poison keys")) {
            SinkProcess beside = rig.anotherSink();
            HealthyKeys.startBoth(rig, beside, Map.of());
            HealthyKeys before = HealthyKeys.watch(rig, beside, POISONED_PERMILLE);
            rig.require(before.p99() < 1_000_000, "the machine is too busy to compare: before %s".formatted(before));
            rig.inject();
            rig.sink.poison(POISONED_PERMILLE);
            HealthyKeys during = HealthyKeys.watch(rig, beside, POISONED_PERMILLE);
            rig.sink.poison(0);
            requireBackoff(rig);
            rig.require(during.isFree(before), "healthy keys are held up: %s, before %s".formatted(during, before));
            rig.settle("healthy keys' p99 with poison %s; before %s".formatted(during, before));
        }
    }

    @Test
    void aHandlerThatLetsPoisonHoldUpOthersIsFoundOut() throws Exception {
        try (Rig rig = new Rig(0, "sink: 10 % poison keys, a stubborn handler")) {
            SinkProcess beside = rig.anotherSink();
            HealthyKeys.startBoth(rig, beside, Map.of(TestedApplication.STUBBORN, "yes"));
            HealthyKeys before = HealthyKeys.watch(rig, beside, POISONED_PERMILLE_OF_THE_TWIN);
            rig.sink.poison(POISONED_PERMILLE_OF_THE_TWIN);
            HealthyKeys during = HealthyKeys.watch(rig, beside, POISONED_PERMILLE_OF_THE_TWIN);
            rig.sink.poison(0);
            assertThat(during.isFree(before))
                    .as("%s, before %s", during, before)
                    .isFalse();
        }
    }

    /** After the nth failure at least half of 100 ms · 2ⁿ⁻¹ pass: see README.md. */
    private static void requireBackoff(Rig rig) {
        Map<Long, List<Delivery>> failed = new HashMap<>();
        rig.sink.deliveries().stream()
                .filter(delivery -> !delivery.accepted())
                .forEach(delivery -> failed.computeIfAbsent(delivery.id(), id -> new ArrayList<>())
                        .add(delivery));
        rig.require(!failed.isEmpty(), "no key was poisoned");
        for (List<Delivery> attempts : failed.values()) {
            for (int n = 1; n < attempts.size(); n++) {
                long pause = (attempts.get(n).micros() - attempts.get(n - 1).micros()) / 1_000;
                long least = Math.min(50L << (n - 1), 15_000);
                rig.require(
                        pause >= least * 9 / 10,
                        "attempt %d of event %d after %d ms"
                                .formatted(n + 1, attempts.get(0).id(), pause));
            }
        }
    }
}
