package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

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

    /** More keys than the handler has at a time. */
    private static final int POISONED_PERMILLE_OF_THE_TWIN = 100;

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
            rig.requireAtLeast(2, Course.CIRCUITS);
            rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
            rig.settle("ms to the first new event after");
        }
    }

    @Test
    void someKeysArePoisoned() throws Exception {
        try (Rig rig = new Rig(14, "sink: 1 % poison keys")) {
            SinkProcess beside = rig.anotherSink();
            startBoth(rig, beside, Map.of());
            Waits before = healthy(rig, beside, POISONED_PERMILLE);
            rig.require(before.p99 < 1_000_000, "the machine is too busy to compare: before %s".formatted(before));
            rig.inject();
            rig.sink.poison(POISONED_PERMILLE);
            Waits during = healthy(rig, beside, POISONED_PERMILLE);
            rig.sink.poison(0);
            requireBackoff(rig);
            rig.require(isFree(during, before), "healthy keys are held up: %s, before %s".formatted(during, before));
            rig.settle("healthy keys' p99 with poison %s; before %s".formatted(during, before));
        }
    }

    @Test
    void aHandlerThatLetsPoisonHoldUpOthersIsFoundOut() throws Exception {
        try (Rig rig = new Rig(0, "sink: 10 % poison keys, a stubborn handler")) {
            SinkProcess beside = rig.anotherSink();
            startBoth(rig, beside, Map.of(TestedApplication.STUBBORN, "yes"));
            Waits before = healthy(rig, beside, POISONED_PERMILLE_OF_THE_TWIN);
            rig.sink.poison(POISONED_PERMILLE_OF_THE_TWIN);
            Waits during = healthy(rig, beside, POISONED_PERMILLE_OF_THE_TWIN);
            rig.sink.poison(0);
            assertThat(isFree(during, before))
                    .as("%s, before %s", during, before)
                    .isFalse();
        }
    }

    /** Two services that deliver all events, each to a sink of its own: the rig's, which can be poisoned, and another, which never is. */
    private static void startBoth(Rig rig, SinkProcess beside, Map<String, String> settings) throws Exception {
        rig.start(settings).awaitPort();
        rig.start(Map.of(TestedApplication.SINK, beside.url(), TestedApplication.SINK_HANDLER, "faults-beside"))
                .awaitPort();
        rig.write();
        rig.awaitCaughtUp();
        rig.awaitCaughtUp(beside);
    }

    /**
     * Where the same events were at the same time is what the 99th percentile is compared with, since one flush of the disk that takes
     * 0.2 s decides the percentile of a window of seconds; the median, which no such pause moves, with what it was before.
     */
    private static boolean isFree(Waits during, Waits before) {
        return isAsGood(during.p99, during.p99Beside) && isAsGood(during.p50, before.p50);
    }

    private static boolean isAsGood(long micros, long other) {
        return micros <= Math.max(2 * other, other + NOISE_MICROS);
    }

    /**
     * From the trigger to the sink, in µs, of the events of a window of time whose keys are healthy.
     *
     * @param p99Beside of the same events at the other sink
     */
    private record Waits(long p50, long p99, long p99Beside) {

        @Override
        public String toString() {
            return "%.1f ms, beside %.1f ms".formatted(p99 / 1e3, p99Beside / 1e3);
        }
    }

    private static Waits healthy(Rig rig, SinkProcess beside, int permille) {
        long first = rig.lastEvent();
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(SECONDS));
        long last = rig.lastEvent();
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(2)); // what is late by so much counts as that late
        long now = Rig.micros();
        Map<Long, Long> taken = taken(rig.sink);
        Map<Long, Long> takenBeside = taken(beside);
        List<Long> waits = new ArrayList<>();
        List<Long> waitsBeside = new ArrayList<>();
        forEachEvent(rig, first, last, (id, key, micros) -> {
            if (!Sink.isPoisoned(key, permille)) {
                waits.add(taken.getOrDefault(id, now) - micros);
                waitsBeside.add(takenBeside.getOrDefault(id, now) - micros);
            }
        });
        return new Waits(percentile(50, waits), percentile(99, waits), percentile(99, waitsBeside));
    }

    private static Map<Long, Long> taken(SinkProcess sink) {
        Map<Long, Long> taken = new HashMap<>();
        sink.deliveries().stream()
                .filter(Delivery::accepted)
                .forEach(delivery -> taken.putIfAbsent(delivery.id(), delivery.micros()));
        return taken;
    }

    private static long percentile(int percent, List<Long> waits) {
        return waits.stream()
                .sorted()
                .skip(waits.size() * (long) percent / 100)
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
