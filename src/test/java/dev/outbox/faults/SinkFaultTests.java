package dev.outbox.faults;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
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
    private static final int SECONDS = Lane.times(6, 60);

    /** Pauses of milliseconds can't be told from what else the machine does. */
    private static final long NOISE_MICROS = 20_000;

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
            rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
            rig.settle("ms to the first new event after");
        }
    }

    @Test
    void someKeysArePoisoned() throws Exception {
        try (Rig rig = new Rig(14, "sink: 1 % poison keys")) {
            rig.start().awaitPort();
            rig.write();
            rig.awaitCaughtUp();
            long before = percentile99(rig, rig.lastEvent());
            rig.require(before < 1_000_000, "the machine is too busy to compare: p99 before %d µs".formatted(before));
            long first = rig.lastEvent();
            rig.inject();
            rig.sink.poison(POISONED_PERMILLE);
            long during = percentile99(rig, first);
            rig.sink.poison(0);
            requireBackoff(rig);
            rig.require(
                    during <= Math.max(2 * before, before + NOISE_MICROS),
                    "healthy keys' p99 %d µs, before %d µs".formatted(during, before));
            rig.settle("healthy keys' p99 before %.1f ms, with poison %.1f ms".formatted(before / 1e3, during / 1e3));
        }
    }

    /** From the trigger to the sink, of the events that come in a window of time and whose key is healthy. */
    private static long percentile99(Rig rig, long afterEvent) {
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(SECONDS));
        long last = rig.lastEvent();
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(2)); // what is late by so much counts as that late
        long now = Rig.micros();
        Map<Long, Long> taken = new HashMap<>();
        rig.sink.deliveries().stream()
                .filter(Delivery::accepted)
                .forEach(delivery -> taken.putIfAbsent(delivery.id(), delivery.micros()));
        List<Long> latencies = new ArrayList<>();
        forEachEvent(rig, afterEvent, last, (id, key, micros) -> {
            if (!Sink.isPoisoned(key, POISONED_PERMILLE)) {
                latencies.add(taken.getOrDefault(id, now) - micros);
            }
        });
        return latencies.stream()
                .sorted()
                .skip(latencies.size() * 99L / 100)
                .findFirst()
                .orElseThrow();
    }

    private interface Written {
        void event(long id, String key, long micros);
    }

    private static void forEachEvent(Rig rig, long after, long to, Written written) {
        try (Connection connection = rig.database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("""
                        select id, aggregate_type || '/' || aggregate_id,
                            (extract(epoch from occurred_at) * 1000000)::bigint
                        from outbox.event where id > %d and id <= %d
                        """.formatted(after, to))) {
            while (rows.next()) {
                written.event(rows.getLong(1), rows.getString(2), rows.getLong(3));
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
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
