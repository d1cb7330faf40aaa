package dev.outbox.relay;

import dev.outbox.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Write events, each with a token as its type, and know of each what became of it. Each has keys of its own, so that the order of
 * ids is that of commits; one transaction in ten is rolled back. A connection that is lost is made again.
 */
final class Writers implements AutoCloseable {

    enum Outcome {
        /** The commit was acknowledged. */
        COMMITTED,
        /** It was rolled back, or its connection was lost before the commit was sent. */
        FAILED,
        /** The connection was lost after the commit was sent. */
        UNKNOWN
    }

    private static final String INSERT = """
            insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', ?, ?, '{}')
            """;

    private static final int KEYS = 5;

    private final TestDatabase database;
    private final int pauseUpToMillis;
    private final Map<String, Outcome> outcomes = new ConcurrentHashMap<>();
    private final Map<String, Long> committedAt = new ConcurrentHashMap<>();
    private final List<Future<?>> writers = new ArrayList<>();
    private final ExecutorService threads;
    private volatile boolean stopped;

    Writers(TestDatabase database, int count, int pauseUpToMillis, long seed) {
        this.database = database;
        this.pauseUpToMillis = pauseUpToMillis;
        this.threads = Executors.newFixedThreadPool(count);
        for (int i = 0; i < count; i++) {
            Writer writer = new Writer(i, new Random(seed + i));
            writers.add(threads.submit(writer::run));
        }
    }

    Map<String, Outcome> outcomes() {
        return outcomes;
    }

    long count(Outcome outcome) {
        return outcomes.values().stream().filter(outcome::equals).count();
    }

    /** How long after an instant the first event came that was committed after it; waits for it. */
    Duration firstDeliveryAfter(long instant, Deliveries deliveries, Duration atMost) {
        long[] first = new long[1];
        Deliveries.await(
                () -> {
                    first[0] = committedAt.entrySet().stream()
                            .filter(commit -> commit.getValue() - instant >= 0)
                            .map(commit -> deliveries.firstAt(commit.getKey()))
                            .filter(at -> at != null)
                            .mapToLong(at -> at)
                            .min()
                            .orElse(0);
                    return first[0] != 0;
                },
                atMost,
                "the first event after a fault");
        return Duration.ofNanos(first[0] - instant);
    }

    /** Returns when all have ended what they were doing; fails if one of them failed. */
    void stop() throws Exception {
        stopped = true;
        for (Future<?> writer : writers) {
            writer.get(30, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        stopped = true;
        threads.shutdownNow();
    }

    private final class Writer {

        private final int number;
        private final Random random;
        private int count;

        Writer(int number, Random random) {
            this.number = number;
            this.random = random;
        }

        Void run() {
            while (!stopped) {
                try (Connection connection = database.connect();
                        PreparedStatement insert = connection.prepareStatement(INSERT)) {
                    connection.setAutoCommit(false);
                    while (!stopped) {
                        write(connection, insert);
                        pause(1 + random.nextInt(pauseUpToMillis));
                    }
                } catch (SQLException lost) {
                    pause(20);
                }
            }
            return null;
        }

        private void write(Connection connection, PreparedStatement insert) throws SQLException {
            String token = "w" + number + "." + count++;
            outcomes.put(token, Outcome.FAILED);
            insert.setString(1, "w" + number + "-" + random.nextInt(KEYS));
            insert.setString(2, token);
            insert.execute();
            if (random.nextInt(10) == 0) {
                connection.rollback();
                return;
            }
            outcomes.put(token, Outcome.UNKNOWN);
            long began = System.nanoTime();
            connection.commit();
            committedAt.put(token, began);
            outcomes.put(token, Outcome.COMMITTED);
        }
    }

    private static void pause(int millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
