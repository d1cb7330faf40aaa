package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.log.EventLog;
import dev.outbox.log.TestLog;
import dev.outbox.tail.DoorbellIntegrationTests;
import java.io.StringReader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** The bell, with a safety poll so slow that a lost ring cannot hide behind it. */
class DoorbellLoadIntegrationTests {

    private static final int WRITERS = 12;
    private static final int WARM_UP = 2_000;
    private static final int TRANSACTIONS = 100_000;
    private static final Duration SOON = Duration.ofSeconds(10);
    private static final long LIMIT = Duration.ofMillis(300).toNanos();

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void noCommitWaitsUnheard() throws Exception {
        Arrivals arrivals = new Arrivals();
        try (TestRelay relay = TestRelay.with(database, arrivals);
                RingCounter rings = new RingCounter(database);
                Hiccups hiccups = new Hiccups()) {
            load(arrivals, WARM_UP, 2, hiccups);
            rings.countAndReset();
            report("sparse", load(arrivals, 800, 300, hiccups), rings);
            report("steady", load(arrivals, 9_200, 15, hiccups), rings);
            double rungWhenBusy = report("full", load(arrivals, TRANSACTIONS, 4, hiccups), rings);
            assertThat(rungWhenBusy).isLessThan(0.01);
        }
    }

    /**
     * Sharp: a writer asks while the reader is awake, because many events came, so nobody rings for it; it commits when the reader has
     * long fallen asleep, and it is the newest transaction of all, so that it is above the end of every snapshot.
     */
    @Test
    void aSilentCommitOfTheNewestWriterIsNoticed() throws Exception {
        for (int i = 0; i < 5; i++) {
            assertThat(silentCommitIsNoticed(TestLog::eventLog)).isTrue();
        }
    }

    /** Whoever else draws an xid meanwhile, such as autovacuum, lets the twin notice. */
    @Test
    void aReaderThatSettlesByItsSnapshotAloneIsCaught() throws Exception {
        boolean noticed = true;
        for (int i = 0; i < 5 && noticed; i++) {
            noticed = silentCommitIsNoticed(TestLog::settlingByTheSnapshot);
        }
        assertThat(noticed).isFalse();
    }

    /** The other events stay in flight, so that no checkpoint is stored, which would draw an xid. */
    private boolean silentCommitIsNoticed(Function<Database, EventLog> eventLog) throws Exception {
        TestDatabase own = TestDatabase.fresh();
        Sinks.Empty<Void> over = Sinks.empty();
        RecordingHandler handler = new RecordingHandler("recording") {
            @Override
            public Mono<Void> handle(Event event) {
                return super.handle(event).then(over.asMono());
            }
        };
        try (Connection writer = own.connect();
                Statement statement = writer.createStatement();
                TestRelay relay = TestRelay.with(own, eventLog, handler)) {
            Deliveries.await(() -> DoorbellIntegrationTests.somebodySleeps(own), SOON, "a sleeper");
            own.execute(insert("many")
                    .replace("values (", "select ")
                    .replace("'{}')", "'{}' from generate_series(1, 500)"));
            own.execute(insert("first"));
            handler.await(event -> event.key().equals("first"), SOON);
            assertThat(DoorbellIntegrationTests.somebodySleeps(own)).isFalse();
            writer.setAutoCommit(false);
            statement.execute(insert("silent"));
            LockSupport.parkNanos(Duration.ofMillis(600).toNanos());
            writer.commit();
            boolean noticed = arrives(handler, "silent");
            over.tryEmitEmpty();
            return noticed;
        }
    }

    private static boolean arrives(RecordingHandler handler, String key) {
        try {
            handler.await(event -> event.key().equals(key), Duration.ofMillis(700));
            return true;
        } catch (IllegalStateException timedOut) {
            return false;
        }
    }

    private record Load(int commits, long worstNanos, double seconds) {}

    private double report(String name, Load load, RingCounter rings) {
        double rung = (double) rings.countAndReset() / load.commits();
        System.out.printf(
                "bell, %s: seed %d, %d commits at %.0f/s, worst wait %d ms, rung for %.2f %% of commits%n",
                name,
                seed,
                load.commits(),
                load.commits() / load.seconds(),
                TimeUnit.NANOSECONDS.toMillis(load.worstNanos()),
                100 * rung);
        assertThat(load.worstNanos()).isLessThan(LIMIT);
        return rung;
    }

    private Load load(Arrivals arrivals, int transactions, int pauseUpToMillis, Hiccups hiccups) throws Exception {
        int first = arrivals.next.get();
        ExecutorService threads = Executors.newFixedThreadPool(WRITERS);
        long began = System.nanoTime();
        try {
            List<Future<?>> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                Random random = new Random(seed + i);
                writers.add(threads.submit(() -> write(arrivals, first + transactions, pauseUpToMillis, random)));
            }
            for (Future<?> writer : writers) {
                writer.get(120, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        arrivals.next.set(first + transactions);
        return arrivals.judge(first, first + transactions, hiccups, seconds);
    }

    private Void write(Arrivals arrivals, int end, int pauseUpToMillis, Random random) throws Exception {
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            for (int n = arrivals.next.getAndIncrement(); n < end; n = arrivals.next.getAndIncrement()) {
                boolean committed = transaction(connection, n, pauseUpToMillis, random);
                arrivals.committed.set(n, committed ? System.nanoTime() : -1);
                pause(random, pauseUpToMillis);
            }
        }
        return null;
    }

    /** One transaction of a random kind; false if it was rolled back. */
    private boolean transaction(Connection connection, int n, int pauseUpToMillis, Random random) throws Exception {
        connection.setTransactionIsolation(
                switch (random.nextInt(4)) {
                    case 0 -> Connection.TRANSACTION_REPEATABLE_READ;
                    case 1 -> Connection.TRANSACTION_SERIALIZABLE;
                    default -> Connection.TRANSACTION_READ_COMMITTED;
                });
        Savepoint savepoint = random.nextInt(10) == 0 ? connection.setSavepoint() : null;
        if (savepoint != null && random.nextBoolean()) {
            append(connection, -1, random);
            connection.rollback(savepoint);
        }
        append(connection, n, random);
        if (random.nextInt(20) == 0) {
            pause(random, pauseUpToMillis + 5);
        }
        if (random.nextInt(10) == 0) {
            connection.rollback();
            return false;
        }
        try {
            connection.commit();
            return true;
        } catch (SQLException e) {
            connection.rollback(); // could not serialize
            return false;
        }
    }

    private static void append(Connection connection, int n, Random random) throws Exception {
        if (random.nextInt(20) == 0) {
            connection
                    .unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn(
                            "copy outbox.event (aggregate_type, aggregate_id, type, payload) from stdin",
                            new StringReader("thing\t" + n + "\tthing.made\t{}\n"));
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(
                "insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', ?, 'thing.made', '{}')")) {
            statement.setString(1, Integer.toString(n));
            statement.execute();
        }
    }

    private static String insert(String key) {
        return "insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', '" + key
                + "', 'thing.made', '{}')";
    }

    private static void pause(Random random, int upToMillis) {
        if (upToMillis > 0) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(upToMillis)));
        }
    }

    /** When each transaction's commit returned, and when its event arrived. */
    private static final class Arrivals implements Handler {

        final AtomicInteger next = new AtomicInteger();
        final AtomicLongArray committed = new AtomicLongArray(2 * TRANSACTIONS);
        final AtomicLongArray arrived = new AtomicLongArray(2 * TRANSACTIONS);

        @Override
        public String name() {
            return "arrivals";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            arrived.set(Integer.parseInt(event.key()), System.nanoTime());
            return Mono.empty();
        }

        Load judge(int first, int end, Hiccups hiccups, double seconds) {
            long worst = 0;
            int commits = 0;
            for (int n = first; n < end; n++) {
                long at = committed.get(n);
                if (at > 0) {
                    long until = awaitArrival(n, at);
                    worst = Math.max(worst, until - at - hiccups.lostBetween(at, until));
                    commits++;
                }
            }
            return new Load(commits, worst, seconds);
        }

        private long awaitArrival(int n, long committedAt) {
            while (arrived.get(n) == 0 && System.nanoTime() - committedAt < 10 * LIMIT) {
                LockSupport.parkNanos(1_000_000);
            }
            return arrived.get(n) == 0 ? System.nanoTime() : arrived.get(n);
        }
    }

    /** Hears what the relay hears. */
    private static final class RingCounter implements AutoCloseable {

        private final Connection connection;

        RingCounter(TestDatabase database) throws SQLException {
            connection = database.connect();
            try (Statement statement = connection.createStatement()) {
                statement.execute("listen outbox");
            }
        }

        int countAndReset() {
            try {
                int count = 0;
                PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(200);
                while (heard != null && heard.length > 0) {
                    count += heard.length;
                    heard = connection.unwrap(PGConnection.class).getNotifications(200);
                }
                return count;
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }
}
