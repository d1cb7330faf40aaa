package dev.outbox.log;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;

/**
 * Random writers and readers of one log, and what must hold of what the readers saw. Everything that is drawn by chance comes from
 * the seed; how the server interleaves it does not.
 */
public final class LogModel {

    private static final int WRITERS = 14;

    private final TestDatabase database;
    private final long seed;
    private final long writeForNanos;

    public LogModel(TestDatabase database, long seed, long writeForMillis) {
        this.database = database;
        this.seed = seed;
        this.writeForNanos = TimeUnit.MILLISECONDS.toNanos(writeForMillis);
    }

    /** What a reader returned in the end, compared with what is in the log. */
    public record Verdict(int limit, int events, Set<Long> lost, List<Long> twice, List<String> outOfOrder) {

        public boolean isClean() {
            return lost.isEmpty() && twice.isEmpty() && outOfOrder.isEmpty();
        }

        @Override
        public String toString() {
            return "page size %d: %d events, lost %d %s, twice %d, out of order %d"
                    .formatted(
                            limit,
                            events,
                            lost.size(),
                            lost.stream().limit(5).toList(),
                            twice.size(),
                            outOfOrder.size());
        }
    }

    /** A reader's way to the next page. */
    public interface Reading extends BiFunction<Position, Integer, Page> {}

    /** Lets the writers write, and readers of these page sizes read until they are through. */
    public List<Verdict> run(Reading reading, Restart restart, int... limits) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        AtomicBoolean written = new AtomicBoolean();
        try {
            List<Future<?>> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                int writer = i;
                writers.add(threads.submit(() -> write(writer)));
            }
            List<Future<List<Event>>> readers = new ArrayList<>();
            for (int limit : limits) {
                readers.add(threads.submit(() -> read(reading, restart, limit, written)));
            }
            for (Future<?> writer : writers) {
                writer.get(60, TimeUnit.SECONDS);
            }
            written.set(true);
            List<Verdict> verdicts = new ArrayList<>();
            for (int i = 0; i < limits.length; i++) {
                verdicts.add(judge(limits[i], readers.get(i).get(60, TimeUnit.SECONDS)));
            }
            return verdicts;
        } finally {
            threads.shutdownNow();
        }
    }

    /** How a reader that was killed comes back: stores a position, and loads the one stored last. */
    public interface Restart {
        Position storeAndLoad(int reader, Position position);
    }

    private List<Event> read(Reading reading, Restart restart, int limit, AtomicBoolean written) {
        Random random = new Random(seed * 31 + limit);
        List<Event> seen = new ArrayList<>();
        Position position = Position.BEGINNING;
        while (true) {
            boolean last = written.get();
            Page page = reading.apply(position, limit);
            if (page.isEmpty()) {
                if (last) {
                    return seen;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(4)));
            } else if (random.nextInt(20) == 0) {
                int done = random.nextInt(page.events().size() + 1);
                seen.addAll(page.events().subList(0, done));
                position = restart.storeAndLoad(limit, page.after(done));
            } else {
                seen.addAll(page.events());
                position = page.after();
            }
        }
    }

    private Verdict judge(int limit, List<Event> seen) throws SQLException {
        Set<Long> lost = new HashSet<>();
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select id from outbox.event")) {
            while (rows.next()) {
                lost.add(rows.getLong(1));
            }
        }
        int events = lost.size();
        Set<Long> once = new HashSet<>();
        List<Long> twice = new ArrayList<>();
        Map<String, Long> latest = new HashMap<>();
        List<String> outOfOrder = new ArrayList<>();
        for (Event event : seen) {
            lost.remove(event.id());
            if (!once.add(event.id())) {
                twice.add(event.id());
            }
            if (event.aggregateType().equals("order")) {
                long version = Long.parseLong(event.payload().replaceAll(".*\"version\": (\\d+).*", "$1"));
                Long before = latest.put(event.key(), version);
                if (before != null && before >= version) {
                    outOfOrder.add(event.key());
                }
            }
        }
        return new Verdict(limit, events, lost, twice, outOfOrder);
    }

    private Void write(int writer) throws SQLException {
        Random random = new Random(seed + writer);
        long end = System.nanoTime() + writeForNanos;
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            while (System.nanoTime() < end) {
                transaction(connection, random);
            }
        }
        return null;
    }

    private void transaction(Connection connection, Random random) throws SQLException {
        connection.setTransactionIsolation(
                switch (random.nextInt(4)) {
                    case 0 -> Connection.TRANSACTION_REPEATABLE_READ;
                    case 1 -> Connection.TRANSACTION_SERIALIZABLE;
                    default -> Connection.TRANSACTION_READ_COMMITTED;
                });
        try {
            if (random.nextInt(3) == 0) {
                execute(connection, "select pg_current_xact_id()");
                pause(random);
            }
            for (int i = random.nextInt(3); i >= 0; i--) {
                step(connection, random);
                pause(random);
            }
            if (random.nextInt(8) == 0) {
                connection.rollback();
            } else {
                connection.commit();
            }
        } catch (SQLException e) {
            connection.rollback(); // could not serialize, or a deadlock
        }
    }

    private void step(Connection connection, Random random) throws SQLException {
        Savepoint savepoint = random.nextInt(4) == 0 ? connection.setSavepoint() : null;
        if (random.nextBoolean()) {
            execute(
                    connection,
                    "update orders set status = case status when 'created' then 'backorder' else 'created' end where id = "
                            + (random.nextInt(60) + 1));
        } else {
            execute(
                    connection,
                    "insert into outbox.event (aggregate_type, aggregate_id, type, payload) select 'thing', n, 'thing.made', '{}'"
                            + " from generate_series(1, " + (random.nextInt(3) + 1) + ") n");
        }
        if (savepoint != null && random.nextBoolean()) {
            connection.rollback(savepoint);
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static void pause(Random random) {
        int choice = random.nextInt(200);
        int millis = choice == 0 ? 1_500 : choice < 20 ? random.nextInt(60) : choice < 100 ? random.nextInt(4) : 0;
        if (millis > 0) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
        }
    }
}
