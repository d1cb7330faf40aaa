package dev.outbox.retention;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Partition;
import dev.outbox.log.Position;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import reactor.core.publisher.Mono;

/**
 * Small partitions that come and go under load, while dump follows dump beside. A dump is what pg_dump does to a server: one
 * snapshot, a lock on every table of the log, and a slow copy of each. Or it is pg_dump itself, with
 * {@code -Doutbox.test.pg-dump=/path/of/pg_dump} of the server's version.
 */
@Timeout(300)
class RetentionLoadIntegrationTests {

    private static final int WRITERS = 8;
    private static final int SIZE = 2_000;
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(2);
    private static final int ROTATIONS = 50;
    private static final String UNDEFINED_TABLE = "42P01";
    private static final @Nullable String PG_DUMP = System.getProperty("outbox.test.pg-dump");
    private static final long AT_MOST = TimeUnit.SECONDS.toNanos(180);

    private final TestDatabase server = TestDatabase.fresh();
    private final Database database = new Database(server.pool(6), Duration.ofSeconds(30));
    private final EventLog log = TestLog.eventLog(database);
    private final Partitions partitions = new Partitions(database);

    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicLong dumps = new AtomicLong();
    private final Set<Long> read = ConcurrentHashMap.newKeySet();
    private final Set<String> made = ConcurrentHashMap.newKeySet();

    @Test
    void writersDoNotWaitForFiftyRotationsBesideDumpsAndTheReaderLosesNothing() throws Exception {
        server.execute("select setval('outbox.event_id_seq', 10000000);"
                + "insert into outbox.event (id, aggregate_type, aggregate_id, type, payload)"
                + " values (10000000, 'thing', 'last', 'thing.made', '{}')");
        TestLog.register(server, "reader");
        Retention retention = new Retention(
                partitions,
                new RetentionSettings(SIZE, 24, Duration.ofSeconds(1), Duration.ofMillis(200)),
                Clock.systemUTC());
        await(retention.round());
        RetentionTask task = new RetentionTask(retention, Duration.ofMillis(200));
        task.start();
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<long[]>> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                int writer = i;
                writers.add(threads.submit(() -> write(writer)));
            }
            Future<?> dump = threads.submit(this::dumpOnAndOn);
            Future<?> reader = threads.submit(this::readOnAndOn);
            long start = System.nanoTime();
            while (dropped() < ROTATIONS && System.nanoTime() - start < AT_MOST) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
            }
            Duration took = Duration.ofNanos(System.nanoTime() - start);
            over.set(true);
            List<Long> ids = new ArrayList<>();
            List<Long> nanos = new ArrayList<>();
            for (Future<long[]> writer : writers) {
                long[] pairs = writer.get(30, TimeUnit.SECONDS);
                for (int i = 0; i < pairs.length; i += 2) {
                    ids.add(pairs[i]);
                    nanos.add(pairs[i + 1]);
                }
            }
            dump.get(30, TimeUnit.SECONDS);
            reader.get(30, TimeUnit.SECONDS);
            String report = report(took, nanos);
            System.out.println(report);
            assertThat(dropped()).as(report).isGreaterThanOrEqualTo(ROTATIONS);
            assertThat(dumps.get()).as(report).isGreaterThan(3);
            assertThat(server.number("select count(*) from outbox.event_default"))
                    .isZero();
            Set<Long> lost = new HashSet<>(ids);
            lost.removeAll(read);
            assertThat(lost).isEmpty();
            assertThat(percentile(nanos, 0.999)).as(report).isLessThanOrEqualTo(100.0);
        } finally {
            over.set(true);
            task.stop();
            threads.shutdownNow();
        }
    }

    private String report(Duration took, List<Long> nanos) {
        return String.format(
                "retention load: %d transactions in %d s by %d writers, made %d, dropped %d partitions, %d dumps;"
                        + " p50 %.1f p99 %.1f p99.9 %.1f max %.1f ms",
                nanos.size(),
                took.toSeconds(),
                WRITERS,
                made.size(),
                dropped(),
                dumps.get(),
                percentile(nanos, 0.5),
                percentile(nanos, 0.99),
                percentile(nanos, 0.999),
                percentile(nanos, 1));
    }

    private int dropped() {
        Set<String> there = new HashSet<>();
        for (Partition partition : requireNonNull(partitions.all().block(Duration.ofSeconds(20)))) {
            there.add(partition.name());
        }
        made.addAll(there);
        return made.size() - there.size();
    }

    /** The ids that it committed and how long each transaction took, in turns. */
    private long[] write(int writer) throws SQLException {
        List<Long> pairs = new ArrayList<>();
        try (Connection connection = server.connect();
                PreparedStatement insert = connection.prepareStatement(
                        "insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                                + " select 'thing', ?, 'thing.made', '{\"some\": \"payload\"}' returning id")) {
            insert.setString(1, "writer-" + writer);
            while (!over.get()) {
                long start = System.nanoTime();
                try (ResultSet row = insert.executeQuery()) {
                    row.next();
                    pairs.add(row.getLong(1));
                }
                pairs.add(System.nanoTime() - start);
                LockSupport.parkNanos(PAUSE);
            }
        }
        return pairs.stream().mapToLong(Long::longValue).toArray();
    }

    private Void readOnAndOn() {
        Checkpoint last = new Checkpoint("reader", -1, Position.BEGINNING);
        while (true) {
            boolean end = over.get();
            Page page = await(log.page(last.position(), 1_000, Wanted.ALL, 0));
            page.events().forEach(event -> assertThat(read.add(event.id())).isTrue());
            if (page.isEmpty()) {
                if (end) {
                    return null;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
            } else {
                last = last.next(page.after());
                await(TestLog.store(database, last));
            }
        }
    }

    private Void dumpOnAndOn() throws Exception {
        while (!over.get()) {
            if (PG_DUMP == null ? copies() : pgDump(PG_DUMP)) {
                dumps.incrementAndGet();
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(300));
        }
        return null;
    }

    /** False if a partition was dropped between the list and the lock, of which pg_dump would fail too. */
    private boolean copies() throws SQLException, IOException {
        try {
            copyAll();
            return true;
        } catch (SQLException e) {
            if (!UNDEFINED_TABLE.equals(e.getSQLState())) {
                throw e;
            }
            return false;
        }
    }

    /** Its output is taken slowly, so that it holds its locks for a second or more. */
    private boolean pgDump(String program) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("pg_dump", ".err");
        ProcessBuilder builder = new ProcessBuilder(
                        program,
                        "--schema=outbox",
                        "--host=" + server.host(),
                        "--port=" + server.port(),
                        "--username=" + TestDatabase.USER,
                        server.name())
                .redirectError(errors.toFile());
        builder.environment().put("PGPASSWORD", TestDatabase.PASSWORD);
        Process dump = builder.start();
        byte[] buffer = new byte[1 << 14];
        try (InputStream output = dump.getInputStream()) {
            while (output.read(buffer) >= 0) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
            }
        }
        String said = Files.readString(errors);
        Files.delete(errors);
        if (dump.waitFor() != 0 && !said.contains("does not exist") && !said.contains("could not open relation")) {
            throw new IllegalStateException(said);
        }
        return dump.exitValue() == 0;
    }

    /** Two seconds or more, whatever there is. */
    private void copyAll() throws SQLException, IOException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            List<String> tables = tables(statement);
            statement.execute("lock table " + String.join(", ", tables) + " in access share mode");
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            for (String table : tables) {
                copy.copyOut("copy (select * from " + table + ") to stdout", OutputStream.nullOutputStream());
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(Math.max(10, 2_000 / tables.size())));
            }
            connection.commit();
        }
    }

    private static List<String> tables(Statement statement) throws SQLException {
        List<String> tables = new ArrayList<>();
        try (ResultSet rows = statement.executeQuery("select 'outbox.' || relname from pg_class"
                + " where relnamespace = 'outbox'::regnamespace and relkind in ('r', 'p')")) {
            while (rows.next()) {
                tables.add(rows.getString(1));
            }
        }
        return tables;
    }

    private static double percentile(List<Long> nanos, double share) {
        long[] sorted = nanos.stream().mapToLong(Long::longValue).toArray();
        Arrays.sort(sorted);
        return sorted[(int) Math.min(sorted.length - 1, (long) (sorted.length * share))] / 1e6;
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(30)));
    }
}
