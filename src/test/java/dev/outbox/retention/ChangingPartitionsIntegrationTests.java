package dev.outbox.retention;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.handler.Event;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Readers at all stages, planning included, while partitions are made, filled from strays, emptied, dropped, attached by hand, and locked by
 * somebody else. Everything that is drawn by chance comes from the seed, {@code -Doutbox.test.seed=…} repeats it; how the server
 * interleaves it does not.
 */
@Timeout(300)
class ChangingPartitionsIntegrationTests {

    private static final int SIZE = 1_000;
    private static final Set<String> REFUSALS = Set.of("55P03", "40P01", "57014", "23514", "42P01", "42P07", "42P17");

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final AtomicInteger[] done = {
        new AtomicInteger(), new AtomicInteger(), new AtomicInteger(), new AtomicInteger()
    };

    @Test
    void eachReaderReadsEachCommittedEventOnceAndKeysInOrder() throws Exception {
        Run run = new Run(seed, false);
        Verdict verdict = run.run(10_000);
        System.out.println("changing partitions: seed " + seed + ", " + verdict + ", attached by hand " + done[0]
                + ", locks held " + done[1] + ", rounds " + done[2]);
        assertThat(verdict.lost()).isZero();
        assertThat(verdict.events()).isGreaterThan(5_000);
        assertThat(done[0]).hasPositiveValue();
        assertThat(done[1]).hasPositiveValue();
    }

    @Test
    void readersThatDoNotKnowTheListLoseWhatIsMovedUnderALockOfTheDefaultPartition() throws Exception {
        for (int round = 0; round < 10; round++) {
            Verdict verdict = new Run(seed + round, true).run(4_000);
            System.out.println(
                    "changing partitions, twin: seed " + (seed + round) + ", " + verdict + ", moves " + done[3]);
            if (verdict.lost() > 0) {
                return;
            }
        }
        throw new AssertionError("The twin lost nothing");
    }

    private record Verdict(int events, int lost) {}

    /** One log, its writers, readers and those who change it. */
    private final class Run {

        final long seed;
        final boolean twin;
        final TestDatabase server = TestDatabase.fresh();
        final Database database = new Database(server.pool(6), Duration.ofSeconds(30));
        final AtomicBoolean over = new AtomicBoolean();
        final AtomicBoolean written = new AtomicBoolean();
        final Set<Long> committed = ConcurrentHashMap.newKeySet();

        Run(long seed, boolean twin) {
            this.seed = seed;
            this.twin = twin;
        }

        Verdict run(long millis) throws Exception {
            server.execute(
                    "select setval('outbox.event_id_seq', 10000000); insert into outbox.event (id, aggregate_type, aggregate_id, type, payload)"
                            + " values (10000000, 'thing', 'last', 'thing.made', '0')");
            committed.add(10_000_000L);
            ExecutorService threads = Executors.newCachedThreadPool();
            try {
                List<Future<?>> writers = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    int writer = i;
                    writers.add(threads.submit(() -> write(writer, new Random(seed + writer))));
                }
                List<Future<Set<Long>>> readers = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    int reader = i;
                    readers.add(threads.submit(() -> read(reader, new Random(seed + 50 + reader))));
                }
                List<Future<?>> others = List.of(
                        threads.submit(() -> keep(new Random(seed + 100))),
                        threads.submit(() -> again(new Random(seed + 101), 150, this::attachByHand)),
                        threads.submit(() -> again(new Random(seed + 102), 60, this::lockOne)));
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
                over.set(true);
                for (Future<?> writer : writers) {
                    writer.get(60, TimeUnit.SECONDS);
                }
                for (Future<?> other : others) {
                    other.get(60, TimeUnit.SECONDS);
                }
                written.set(true);
                int lost = 0;
                for (Future<Set<Long>> reader : readers) {
                    Set<Long> missing = new HashSet<>(committed);
                    missing.removeAll(reader.get(120, TimeUnit.SECONDS));
                    lost += missing.size();
                }
                return new Verdict(committed.size(), lost);
            } finally {
                over.set(true);
                written.set(true);
                threads.shutdownNow();
            }
        }

        /** Events of its own keys, numbered; one transaction in six is rolled back. */
        private Void write(int writer, Random random) throws SQLException {
            int number = 0;
            try (Connection connection = server.connect();
                    PreparedStatement insert = connection.prepareStatement(
                            "insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                                    + " select 'thing', ?, 'thing.made', to_jsonb(n) from generate_series(?, ?) n returning id")) {
                connection.setAutoCommit(false);
                while (!over.get()) {
                    int count = 1 + random.nextInt(random.nextInt(10) == 0 ? 200 : 3);
                    insert.setString(1, "writer-" + writer);
                    insert.setInt(2, number);
                    insert.setInt(3, number + count - 1);
                    List<Long> ids = new ArrayList<>();
                    try (ResultSet rows = insert.executeQuery()) {
                        while (rows.next()) {
                            ids.add(rows.getLong(1));
                        }
                    } catch (SQLException e) {
                        if (!REFUSALS.contains(e.getSQLState())) {
                            throw e;
                        }
                        connection.rollback(); // its partition was attached by hand, without a lock
                        continue;
                    }
                    pause(random, 6);
                    if (random.nextInt(6) == 0) {
                        connection.rollback();
                    } else {
                        connection.commit();
                        committed.addAll(ids);
                        number += count;
                    }
                }
            }
            return null;
        }

        /** Each page by a session that has to plan it, or by one that has a plan. */
        private Set<Long> read(int reader, Random random) {
            TestLog.register(server, "reader-" + reader);
            Database planning = new Database(server.connections(), Duration.ofSeconds(30));
            EventLog fresh = twin ? TestLog.withoutPartitionList(planning) : TestLog.eventLog(planning);
            EventLog pooled = twin ? TestLog.withoutPartitionList(database) : TestLog.eventLog(database);
            Set<Long> seen = new HashSet<>();
            Map<String, Long> latest = new HashMap<>();
            Checkpoint last = new Checkpoint("reader-" + reader, -1, Position.BEGINNING);
            while (true) {
                boolean end = written.get();
                EventLog log = random.nextInt(3) > 0 ? fresh : pooled;
                Page page =
                        await(log.page(last.position(), List.of(50, 200, 1_000).get(reader), Wanted.ALL, 0)
                                .retryWhen(Retry.max(10).filter(Run::isLate)));
                for (Event event : page.events()) {
                    assertThat(seen.add(event.id())).as("seed %d, once", seed).isTrue();
                    long number = Long.parseLong(event.payload());
                    Long before = latest.put(event.key(), number);
                    if (!twin) {
                        assertThat(before == null || before < number)
                                .as("seed %d, in order", seed)
                                .isTrue();
                    }
                }
                if (page.isEmpty()) {
                    if (end) {
                        return seen;
                    }
                    pause(random, 4);
                } else {
                    last = await(TestLog.store(database, last.next(page.after())));
                }
            }
        }

        private static boolean isLate(Throwable error) {
            return error instanceof DatabaseUnavailableException late && late.ranOutOfTime();
        }

        /** The service's rounds; the twin moves strays as it was done before. */
        private Void keep(Random random) throws Exception {
            Partitions partitions = new Partitions(database);
            Retention retention = new Retention(
                    partitions,
                    new RetentionSettings(SIZE, 1, Duration.ofMillis(500), Duration.ofSeconds(1)),
                    Clock.systemUTC());
            while (!over.get()) {
                if (twin) {
                    refusable(statement -> moveStrays(statement));
                } else {
                    await(retention.round());
                    done[2].incrementAndGet();
                }
                pause(random, 600);
            }
            return null;
        }

        private void moveStrays(Statement statement) throws SQLException {
            statement.execute("lock table outbox.event_default in access exclusive mode");
            long first = number(statement, "select coalesce(min(id), 0) from outbox.event_default");
            long last = number(statement, "select coalesce(max(id), 0) from outbox.event_default");
            if (first == 0) {
                return;
            }
            long from = number(
                    statement,
                    "select coalesce(max(substring(pg_get_expr(relpartbound, oid) from 'TO \\(''(\\d+)')::bigint), "
                            + first + ") from pg_class where relnamespace = 'outbox'::regnamespace and relispartition");
            if (from > first) {
                return;
            }
            statement.execute("create table outbox.event_" + from + " (like outbox.event including all)");
            statement.execute("with moved as (delete from outbox.event_default returning *) insert into outbox.event_"
                    + from + " select * from moved");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
            statement.execute("alter table outbox.event attach partition outbox.event_" + from + " for values from ("
                    + from + ") to (" + (last + 1) + ")");
            done[3].incrementAndGet();
        }

        /** Somewhat above the ids, without a lock of the log. */
        private void attachByHand(Statement statement) throws SQLException {
            long from = number(
                    statement,
                    "select greatest(max(substring(pg_get_expr(relpartbound, oid) from 'TO \\(''(\\d+)')::bigint),"
                            + " (select last_value from outbox.event_id_seq) + 300)"
                            + " from pg_class where relnamespace = 'outbox'::regnamespace and relispartition");
            statement.execute("create table outbox.hand_" + from + " (like outbox.event including all)");
            statement.execute("alter table outbox.event attach partition outbox.hand_" + from + " for values from ("
                    + from + ") to (" + (from + 300) + ")");
            if (!twin) {
                done[0].incrementAndGet();
            }
        }

        private void lockOne(Statement statement) throws SQLException {
            List<String> names = new ArrayList<>();
            try (ResultSet rows =
                    statement.executeQuery("select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
                            + " where i.inhparent = 'outbox.event'::regclass order by c.oid")) {
                while (rows.next()) {
                    names.add(rows.getString(1));
                }
            }
            int which = done[1].incrementAndGet() * 7 % names.size();
            statement.execute("lock table outbox." + names.get(which) + " in access exclusive mode");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(40));
        }

        private Void again(Random random, int rest, Work work) throws Exception {
            while (!over.get()) {
                refusable(work);
                pause(random, rest);
            }
            return null;
        }

        private void refusable(Work work) throws SQLException {
            try (Connection connection = server.connect();
                    Statement statement = connection.createStatement()) {
                connection.setAutoCommit(false);
                statement.execute("set local lock_timeout = '100ms'");
                work.run(statement);
                connection.commit();
            } catch (SQLException e) {
                if (!REFUSALS.contains(e.getSQLState())) {
                    throw e;
                }
            }
        }
    }

    private interface Work {
        void run(Statement statement) throws SQLException;
    }

    private static long number(Statement statement, String sql) throws SQLException {
        try (ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    private static void pause(Random random, int atMostMillis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(atMostMillis)));
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(60)));
    }
}
