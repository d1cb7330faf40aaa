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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * Write events, each transaction with a token as their type, and know of each what became of it. Each writer has keys of its own, so
 * that the order of ids is that of commits; one transaction in ten is rolled back. A connection that is lost is made again.
 *
 * <p>Given orders, some transactions change the status of one as well, which all writers share: its row lock orders its events.
 */
public final class Writers implements AutoCloseable {

    public enum Outcome {
        /** The commit was acknowledged. */
        COMMITTED,
        /** It was rolled back, its connection was lost before the commit was sent, or the server refused the commit. */
        FAILED,
        /** The connection was lost after the commit was sent. */
        UNKNOWN
    }

    private static final String INSERT = """
            insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', ?, ?, '{}')
            """;

    private static final String CHANGE = """
            update orders set status = case status when 'created' then 'backorder' else 'created' end
            where id = ? and status in ('created', 'backorder')
            """;

    private static final String SHIP = """
            update orders set status = 'shipped' where id = ? and status in ('created', 'backorder')
            """;

    private static final int KEYS = 5;
    private static final int KEYS_WITH_ORDERS = 200;

    private final TestDatabase database;
    private final int pauseUpToMillis;
    private volatile boolean held;
    private final int orders;
    private final Map<String, Outcome> outcomes = new ConcurrentHashMap<>();
    private final Map<String, Integer> sizes = new ConcurrentHashMap<>();
    private final Map<String, Long> committedAt = new ConcurrentHashMap<>();
    private final List<Future<?>> writers = new ArrayList<>();
    private final ExecutorService threads;
    private final AtomicInteger errors = new AtomicInteger();
    private volatile boolean stopped;

    Writers(TestDatabase database, int count, int pauseUpToMillis, long seed) {
        this(database, count, pauseUpToMillis, seed, 0);
    }

    /**
     * Begins to write.
     *
     * @param pauseUpToMillis between two transactions of a writer, at most
     * @param orders how many there are, numbered from 1; with any, a transaction writes up to three events
     */
    public Writers(TestDatabase database, int count, int pauseUpToMillis, long seed, int orders) {
        this.database = database;
        this.pauseUpToMillis = pauseUpToMillis;
        this.orders = orders;
        this.threads = Executors.newFixedThreadPool(count);
        for (int i = 0; i < count; i++) {
            Writer writer = new Writer(i, new Random(seed + i));
            writers.add(threads.submit(writer::run));
        }
    }

    public Map<String, Outcome> outcomes() {
        return outcomes;
    }

    /** How many events the transaction of each token writes. */
    public Map<String, Integer> sizes() {
        return sizes;
    }

    /** How often one of them was refused something or lost its connection. */
    public int errors() {
        return errors.get();
    }

    public long count(Outcome outcome) {
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

    /** Lets them wait, each after the transaction that it is at, or go on. */
    public void hold(boolean holds) {
        held = holds;
    }

    /** Returns when all have ended what they were doing; fails if one of them failed. */
    public void stop() throws Exception {
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
                        while (held && !stopped) {
                            pause(20);
                        }
                    }
                } catch (SQLException lost) {
                    errors.incrementAndGet();
                    pause(20);
                }
            }
            return null;
        }

        private void write(Connection connection, PreparedStatement insert) throws SQLException {
            String token = "w" + number + "." + count++;
            int events = orders == 0 ? 1 : 1 + random.nextInt(3);
            sizes.put(token, events);
            outcomes.put(token, Outcome.FAILED);
            for (int i = 0; i < events; i++) {
                insert.setString(1, "w" + number + "-" + random.nextInt(orders == 0 ? KEYS : KEYS_WITH_ORDERS));
                insert.setString(2, token);
                insert.execute();
            }
            if (orders > 0 && random.nextInt(4) == 0) {
                changeAnOrder(connection);
            }
            if (random.nextInt(10) == 0) {
                connection.rollback();
                return;
            }
            commit(connection, token);
        }

        private void changeAnOrder(Connection connection) throws SQLException {
            try (PreparedStatement change = connection.prepareStatement(random.nextInt(10) == 0 ? SHIP : CHANGE)) {
                change.setInt(1, 1 + random.nextInt(orders));
                change.execute();
            }
        }

        private void commit(Connection connection, String token) throws SQLException {
            outcomes.put(token, Outcome.UNKNOWN);
            long began = System.nanoTime();
            try {
                connection.commit();
            } catch (PSQLException e) {
                ServerErrorMessage said = e.getServerErrorMessage();
                if (said != null && "ERROR".equals(said.getSeverity())) {
                    outcomes.put(token, Outcome.FAILED);
                }
                throw e;
            }
            committedAt.put(token, began);
            outcomes.put(token, Outcome.COMMITTED);
        }
    }

    private static void pause(int millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
