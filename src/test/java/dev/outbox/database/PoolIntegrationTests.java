package dev.outbox.database;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** A connection that died while nobody used it costs nobody anything. */
class PoolIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final int SIZE = 8;

    private final TestDatabase server = TestDatabase.fresh();
    private final Door door = new Door(server);
    private final AtomicReference<ConnectionFactory> way =
            new AtomicReference<>(door.to(server).connections());
    private final Pool pool = new Pool(byTheWay(), "test", SIZE, Duration.ofMillis(1_200), Duration.ofSeconds(2));
    private final Database database = new Database(pool, Duration.ofMillis(2_500));

    @AfterEach
    void close() {
        pool.dispose();
        door.close();
    }

    @Test
    void connectionsThatTheServerClosedAreReplacedUnnoticed() {
        Set<Integer> before = sessions();
        server.value("select count(pg_terminate_backend(pid)) from pg_stat_activity"
                + " where datname = current_database() and pid <> pg_backend_pid()");
        awaitNoSession();
        for (int i = 0; i < 3 * SIZE; i++) {
            answers();
        }
        assertThat(sessions()).hasSize(SIZE).doesNotContainAnyElementsOf(before);
    }

    @Test
    void connectionsThatHaveFallenSilentAreReplacedUnnoticed() {
        Set<Integer> before = sessions();
        door.freeze();
        way.set(server.connections());
        StepVerifier.create(Mono.delay(Pool.SURE_FOR.plusMillis(100)))
                .expectNextCount(1)
                .expectComplete()
                .verify(SOON);
        answers();
        assertThat(sessions()).hasSize(SIZE).doesNotContainAnyElementsOf(before);
    }

    private ConnectionFactory byTheWay() {
        return new ConnectionFactory() {
            @Override
            public Publisher<? extends Connection> create() {
                return Mono.defer(() -> Mono.from(way.get().create()));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return way.get().getMetadata();
            }
        };
    }

    private void answers() {
        StepVerifier.create(database.query(row -> 1, "select where $1", true))
                .expectNextMatches(rows -> rows.size() == 1)
                .expectComplete()
                .verify(SOON);
    }

    /** Those of the whole pool. */
    private Set<Integer> sessions() {
        List<Integer> sessions = Flux.range(0, SIZE)
                .flatMap(
                        n -> database.query(
                                row -> requireNonNull(row.get("pid", Integer.class)),
                                "select pg_backend_pid() as pid from pg_sleep(0.3) where $1",
                                true),
                        SIZE)
                .flatMapIterable(rows -> rows)
                .collectList()
                .block(SOON);
        return new TreeSet<>(requireNonNull(sessions));
    }

    private void awaitNoSession() {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (server.number("select count(*) from pg_stat_activity"
                                + " where datname = current_database() and pid <> pg_backend_pid()")
                        > 0
                && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
    }
}
