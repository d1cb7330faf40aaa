package dev.outbox.retention;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider;
import io.r2dbc.spi.ConnectionFactoryOptions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/** Many strays are settled while others read and write. */
@Timeout(300)
class StraysLoadIntegrationTests {

    private static final int STRAYS = Integer.getInteger("outbox.test.strays", 200_000);
    private static final int SIZE = 1_000_000;

    private final TestDatabase server = TestDatabase.fresh();
    private final Database database = new Database(server.pool(3), Duration.ofSeconds(60));
    private final AtomicBoolean settled = new AtomicBoolean();
    private final AtomicBoolean written = new AtomicBoolean();

    @Test
    void nobodyWaitsWhileStraysAreSettledAndTheReaderLosesNothing() throws Exception {
        server.execute("select setval('outbox.event_id_seq', 10000000);"
                + "insert into outbox.event (id, aggregate_type, aggregate_id, type, payload)"
                + " values (10000000, 'thing', 'last', 'thing.made', '{}')");
        server.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', n, 'thing.made', '{\"some\": \"payload\"}' from generate_series(1, " + STRAYS
                + ") n");
        Retention retention = new Retention(
                new Partitions(database),
                new RetentionSettings(SIZE, 4, Duration.ZERO, Duration.ofSeconds(10)),
                Clock.systemUTC());
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            Future<Long> waits = threads.submit(this::longestWait);
            Future<List<Long>> writer = threads.submit(this::write);
            Future<List<Long>> backlog = threads.submit(() -> read(Position.BEGINNING, new HashSet<>()));
            Position end = await(TestLog.eventLog(database).end());
            Future<List<Long>> looks = threads.submit(() -> read(end, new HashSet<>()));
            long start = System.nanoTime();
            int rounds = 0;
            do {
                await(retention.round());
                rounds++;
            } while (server.number("select count(*) from (select from outbox.event_default limit 1) d") > 0);
            long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            settled.set(true);
            List<Long> writes = writer.get(60, TimeUnit.SECONDS);
            written.set(true);
            String report = String.format(
                    "strays: %d settled in %d ms and %d rounds; longest wait for a lock %d ms; write %s; look %s; page of a backlog %s",
                    STRAYS,
                    took,
                    rounds,
                    waits.get(60, TimeUnit.SECONDS),
                    times(writes),
                    times(looks.get(60, TimeUnit.SECONDS)),
                    times(backlog.get(60, TimeUnit.SECONDS)));
            System.out.println(report);
            assertThat(server.number("select count(*) from outbox.event")).isEqualTo(STRAYS + 1 + writes.size());
            assertThat(waits.get(60, TimeUnit.SECONDS)).as(report).isLessThan(100);
        } finally {
            settled.set(true);
            written.set(true);
            threads.shutdownNow();
        }
    }

    private List<Long> write() throws Exception {
        List<Long> nanos = new ArrayList<>();
        try (Connection connection = server.connect();
                PreparedStatement insert = connection.prepareStatement(
                        "insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                                + " values ('thing', 'writer', 'thing.made', '{\"some\": \"payload\"}')")) {
            while (!settled.get()) {
                long start = System.nanoTime();
                insert.execute();
                nanos.add(System.nanoTime() - start);
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
            }
        }
        return nanos;
    }

    /** In ms: how long anybody waits for a table. The times of looks have the machine's other work in them. */
    private long longestWait() throws SQLException {
        long longest = 0;
        try (Connection connection = server.connect();
                PreparedStatement waiting = connection.prepareStatement(
                        "select coalesce(max(extract(epoch from clock_timestamp() - waitstart) * 1000), 0)::bigint"
                                + " from pg_locks where locktype = 'relation' and not granted and waitstart is not null")) {
            while (!settled.get()) {
                try (ResultSet row = waiting.executeQuery()) {
                    row.next();
                    longest = Math.max(longest, row.getLong(1));
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
            }
        }
        return longest;
    }

    /** How long each page took; everything is read once. */
    private List<Long> read(Position from, Set<Long> seen) {
        List<Long> nanos = new ArrayList<>();
        ConnectionPool pool = readers();
        EventLog log = TestLog.eventLog(new Database(pool, Duration.ofSeconds(60)));
        await(log.page(from, 1, Wanted.ALL, 0));
        Position position = from;
        int expected = from.equals(Position.BEGINNING) ? STRAYS + 1 : 0;
        while (true) {
            boolean last = written.get();
            long start = System.nanoTime();
            Page page = await(log.page(position, 1_000, Wanted.ALL, 0));
            nanos.add(System.nanoTime() - start);
            page.events().forEach(event -> assertThat(seen.add(event.id())).isTrue());
            position = page.after();
            if (page.isEmpty() && last) {
                break;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(page.isEmpty() ? 2 : 5));
        }
        assertThat(seen.size()).isGreaterThan(expected).isEqualTo((int)
                server.number("select count(*) from outbox.event where id > " + (expected == 0 ? from.high() : 0)));
        pool.dispose();
        return nanos;
    }

    /** As the service has them. */
    private ConnectionPool readers() {
        return new ConnectionPool(ConnectionPoolConfiguration.builder(new PostgresqlConnectionFactoryProvider()
                        .create(ConnectionFactoryOptions.parse(server.r2dbcUrl())
                                .mutate()
                                .option(ConnectionFactoryOptions.USER, TestDatabase.USER)
                                .option(ConnectionFactoryOptions.PASSWORD, TestDatabase.PASSWORD)
                                .option(PostgresqlConnectionFactoryProvider.FORCE_BINARY, true)
                                .option(PostgresqlConnectionFactoryProvider.OPTIONS, TestLog.readerSettings())
                                .build()))
                .initialSize(0)
                .maxSize(2)
                .build());
    }

    private static String times(List<Long> nanos) {
        return String.format(
                "%d, p50 %.1f p99.9 %.1f max %.1f ms",
                nanos.size(), percentile(nanos, 0.5), percentile(nanos, 0.999), percentile(nanos, 1));
    }

    private static double percentile(List<Long> nanos, double share) {
        long[] sorted = nanos.stream().mapToLong(Long::longValue).toArray();
        Arrays.sort(sorted);
        return sorted[(int) Math.min(sorted.length - 1, (long) (sorted.length * share))] / 1e6;
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(60)));
    }
}
