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

/**
 * How long events waited whose keys are healthy while other keys were in trouble: from the trigger to the sink, in µs, of the events that
 * were written in a window of time.
 *
 * @param p99Beside of the same events at another sink, where nothing is in trouble
 */
record HealthyKeys(long p50, long p99, long p99Beside) {

    /** Pauses of milliseconds can't be told from what else the machine does. */
    private static final long NOISE_MICROS = 20_000;

    private static final int SECONDS = Lane.times(6, 60);

    /** Two services that deliver all events, each to a sink of its own: the rig's, which sees trouble, and another, which never does. */
    static void startBoth(Rig rig, SinkProcess beside, Map<String, String> settings) throws Exception {
        rig.start(settings).awaitPort();
        Map<String, String> others = new HashMap<>(settings);
        others.put(TestedApplication.SINK, beside.url());
        others.put(TestedApplication.SINK_HANDLER, "faults-beside");
        rig.start(others).awaitPort();
        rig.write();
        rig.awaitCaughtUp();
        rig.awaitCaughtUp(beside);
    }

    /** Of the events of a window of seconds; those of that share of the keys are not healthy. */
    static HealthyKeys watch(Rig rig, SinkProcess beside, int permille) {
        return watch(rig, beside, permille, 0);
    }

    /** The same, and so many events at least. */
    static HealthyKeys watch(Rig rig, SinkProcess beside, int permille, int events) {
        long first = rig.lastEvent();
        do {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(SECONDS));
        } while (rig.lastEvent() < first + events);
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
        return new HealthyKeys(percentile(50, waits), percentile(99, waits), percentile(99, waitsBeside));
    }

    /**
     * Where the same events were at the same time is what the 99th percentile is compared with, since one flush of the disk that takes
     * 0.2 s decides the percentile of a window of seconds; the median, which no such pause moves, with what it was before.
     */
    boolean isFree(HealthyKeys before) {
        return isFree(before, 0);
    }

    /** @param granted what the trouble itself may take of a thread that others need as well, in µs */
    boolean isFree(HealthyKeys before, long granted) {
        return isAsGood(p99 - granted, p99Beside) && isAsGood(p50, before.p50);
    }

    private static boolean isAsGood(long micros, long other) {
        return micros <= Math.max(2 * other, other + NOISE_MICROS);
    }

    @Override
    public String toString() {
        return "%.1f ms, beside %.1f ms".formatted(p99 / 1e3, p99Beside / 1e3);
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
}
