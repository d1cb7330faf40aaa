package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/**
 * Instances that claim, store, fall asleep in the middle and go on as if nothing had been, while all but the last few generations are
 * trimmed all the time, and now and then all are deleted. Each checkpoint has an effect in its transaction: their generations ascend.
 */
class FenceModelIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration LENGTH = Duration.ofSeconds(4);
    private static final int INSTANCES = 4;

    private static final String EFFECT = "insert into effect (generation) values ($1)";

    /** Effects in the order in which they were made, that are not of a higher generation than those before. */
    private static final String WRONG = """
            select count(*)
            from (select generation, max(generation) over (order by number rows between unbounded preceding and 1 preceding) as before
                from effect) e
            where generation <= before
            """;

    private static final String TWIN = """
            insert into outbox.checkpoint (subscription, generation, done, barrier, high, last, instance, system_identifier)
            select $1, $2, '3:3:', '3', 0, 0, $3, system_identifier
            from pg_control_system()
            """;

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final TestDatabase server = TestDatabase.fresh();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger removed = new AtomicInteger();

    private interface Append {
        Mono<Void> append(PostgresqlConnection connection, Checkpoint checkpoint, String instance);
    }

    @Test
    void noGenerationIsStoredTwiceWhateverIsTrimmedAndDeletedMeanwhile() throws Exception {
        long wrong = run(units -> new Checkpoints(units)::append);
        assertThat(wrong).as("seed " + seed).isZero();
        assertThat(refused.get()).isPositive();
        assertThat(removed.get()).isPositive();
        assertThat(server.number("select deadlocks from pg_stat_database where datname = current_database()"))
                .isZero();
    }

    @Test
    void aFenceOfThePrimaryKeyAloneIsCaught() throws Exception {
        long wrong = run(units -> (connection, checkpoint, instance) -> Database.update(
                        connection, TWIN, checkpoint.subscription(), checkpoint.generation(), instance)
                .then());
        assertThat(wrong).as("seed " + seed).isPositive();
    }

    private interface Fence {
        Append over(Database units);
    }

    private long run(Fence fence) throws Exception {
        server.execute("create table effect (number bigint generated always as identity, generation bigint not null)");
        ConnectionPool pool = server.pool(INSTANCES + 2);
        Database units = new Database(pool, SOON);
        ExecutorService threads = Executors.newFixedThreadPool(INSTANCES + 1);
        try {
            long end = System.nanoTime() + LENGTH.toNanos();
            List<Future<?>> ends = new ArrayList<>();
            for (int i = 0; i < INSTANCES; i++) {
                Instance instance = new Instance("instance-" + i, new Random(seed + i), units, fence.over(units));
                ends.add(threads.submit(() -> instance.run(end)));
            }
            ends.add(threads.submit(() -> remove(new Random(seed - 1), units, end)));
            for (Future<?> each : ends) {
                each.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
            pool.dispose();
        }
        long wrong = server.number(WRONG);
        System.out.printf(
                "fence: seed %d, effects %s, refused %d, removed %d, wrong %d%n",
                seed, server.value("select count(*) from effect"), refused.get(), removed.get(), wrong);
        return wrong;
    }

    private final class Instance {

        private final String name;
        private final Random random;
        private final Database units;
        private final Append append;
        private @Nullable Checkpoint last;

        Instance(String name, Random random, Database units, Append append) {
            this.name = name;
            this.random = random;
            this.units = units;
            this.append = append;
        }

        void run(long end) {
            while (System.nanoTime() < end) {
                try {
                    step();
                } catch (StaleLeaderException | DatabaseUnavailableException | io.r2dbc.spi.R2dbcException replaced) {
                    refused.incrementAndGet();
                    last = null;
                }
            }
        }

        private void step() {
            if (last == null && random.nextInt(4) == 0) {
                last = TestLog.claims(units)
                        .claim("fenced", "handler", Wanted.ALL, name)
                        .block(SOON);
            } else if (last == null || random.nextInt(8) == 0) {
                sleep(random.nextInt(30));
            } else {
                last = store(last.next(last.position()));
            }
        }

        private Checkpoint store(Checkpoint next) {
            boolean sleeps = random.nextInt(20) == 0;
            return units.inTransaction(connection -> append.append(connection, next, name)
                            .then(Mono.defer(() -> Database.update(connection, EFFECT, next.generation())))
                            .flatMap(done -> sleeps ? Mono.delay(Duration.ofMillis(5)) : Mono.just(done))
                            .thenReturn(next))
                    .block(SOON);
        }
    }

    /** The service trims at every 500th generation down to a hundred; here all but a few go, at once. */
    private void remove(Random random, Database units, long end) {
        while (System.nanoTime() < end) {
            long last = server.number("select coalesce(max(generation), 0) from outbox.checkpoint");
            Long trimmed = units.update(Checkpoints.TRIM, "fenced", last - random.nextInt(4))
                    .block(SOON);
            removed.addAndGet(trimmed == null ? 0 : trimmed.intValue());
            if (random.nextInt(50) == 0) {
                units.update(Checkpoints.TRIM, "fenced", Long.MAX_VALUE).block(SOON);
            }
            sleep(random.nextInt(5));
        }
    }

    private static void sleep(int millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
