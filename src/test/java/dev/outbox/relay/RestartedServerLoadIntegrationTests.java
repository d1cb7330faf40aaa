package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.TestServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** PostgreSQL is stopped and killed under load, and started again. */
@Timeout(240)
class RestartedServerLoadIntegrationTests {

    private static final Duration RECOVERY = Duration.ofSeconds(5);

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final Deliveries deliveries = new Deliveries("deliveries");

    @TempDir
    Path directory;

    private TestServer server;
    private TestDatabase database;

    @Test
    void theApplicationRecoversWithinFiveSecondsAndDeliversWhatWasCommittedAndNothingElse() throws Exception {
        System.out.println("restarted server: seed " + seed);
        try (TestServer own = new TestServer(directory)) {
            server = own;
            database = server.database();
            try (TestApplication application = new TestApplication(database, deliveries);
                    Writers writers = new Writers(database, 6, 10, seed)) {
                writers.firstDeliveryAfter(System.nanoTime(), deliveries, Duration.ofSeconds(20));
                for (int round = 0; round < 2; round++) {
                    restart("stop -m fast", server::stopFast, application, writers);
                    restart("kill -9", server::kill, application, writers);
                }
                writers.stop();
                deliveries.awaitAll(database, RECOVERY);
                check(writers);
            }
        }
    }

    private void check(Writers writers) {
        DeliveryCheck check = deliveries.check(database);
        System.out.printf(
                "restarted server: seed %d, committed %d, rolled back %d, unknown %d, delivered %d, repeated %d%n",
                seed,
                writers.count(Writers.Outcome.COMMITTED),
                writers.count(Writers.Outcome.FAILED),
                writers.count(Writers.Outcome.UNKNOWN),
                check.delivered(),
                check.repeated());
        assertThat(check).matches(DeliveryCheck::isAtLeastOnceInOrder, "nothing lost, in order");
        assertThat(writers.outcomes()).allSatisfy((token, outcome) -> {
            if (outcome == Writers.Outcome.COMMITTED) {
                assertThat(deliveries.firstAt(token)).as(token).isNotNull();
            } else if (outcome == Writers.Outcome.FAILED) {
                assertThat(deliveries.firstAt(token)).as(token).isNull();
            }
        });
    }

    private interface Fault {
        void strike() throws Exception;
    }

    private void restart(String what, Fault fault, TestApplication application, Writers writers) throws Exception {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(500 + random.nextInt(500)));
        fault.strike();
        assertThat(application.get("/orders/1")).isEqualTo(503);
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(2_000)));
        server.start();
        Deliveries.await(this::accepts, Duration.ofSeconds(60), "the server");
        long accepted = System.nanoTime();
        Duration delivered = writers.firstDeliveryAfter(accepted, deliveries, RECOVERY);
        Deliveries.await(() -> application.get("/orders/1") == 200, RECOVERY, "an answer");
        Duration answered = Duration.ofNanos(System.nanoTime() - accepted);
        System.out.printf(
                "restarted server: after %s delivery in %d ms, answer in %d ms%n",
                what, delivered.toMillis(), answered.toMillis());
        assertThat(delivered).isLessThan(RECOVERY);
        assertThat(answered).isLessThan(RECOVERY);
        refusesNothingFrom(accepted + TimeUnit.SECONDS.toNanos(1), application);
    }

    /** More requests at a time than the API has connections: each of those could be one that died with the server. */
    private static void refusesNothingFrom(long from, TestApplication application) {
        LockSupport.parkNanos(from - System.nanoTime());
        ExecutorService clients = Executors.newFixedThreadPool(40);
        try {
            List<CompletableFuture<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                answers.add(CompletableFuture.supplyAsync(() -> application.get("/orders/1"), clients));
            }
            assertThat(answers)
                    .allSatisfy(answer ->
                            assertThat(answer.get(10, TimeUnit.SECONDS)).isEqualTo(200));
        } finally {
            clients.shutdownNow();
        }
    }

    private boolean accepts() {
        try (Connection connection = database.connect()) {
            return connection.isValid(2);
        } catch (SQLException notYet) {
            return false;
        }
    }
}
