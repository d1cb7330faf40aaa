package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The server ends the application's sessions under load, one kind after another and all at once. */
@Timeout(180)
class LostConnectionsLoadIntegrationTests {

    private static final Duration RECOVERY = Duration.ofSeconds(5);
    private static final int ROUNDS = 3;
    private static final List<String> KINDS =
            List.of("outbox listener", "outbox relay", "outbox log", "outbox api", "outbox %");

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final TestDatabase database = TestDatabase.fresh();
    private final Deliveries deliveries = new Deliveries("deliveries");
    private final Map<String, Long> worst = new TreeMap<>();

    @Test
    void whateverSessionsTheServerEndsTheApplicationRecoversWithinFiveSecondsAndNothingIsLost() throws Exception {
        System.out.println("lost connections: seed " + seed);
        try (TestApplication application = new TestApplication(database, deliveries);
                Writers writers = new Writers(database, 4, 15, seed)) {
            writers.firstDeliveryAfter(System.nanoTime(), deliveries, Duration.ofSeconds(20));
            for (String kind : kindsInRandomOrder()) {
                end(kind, application, writers);
            }
            writers.stop();
            deliveries.awaitAll(database, RECOVERY);
            Deliveries.await(
                    () -> application.borrowed().values().stream().allMatch(count -> count == 0),
                    RECOVERY,
                    "free pools");
            DeliveryCheck check = deliveries.check(database);
            System.out.printf(
                    "lost connections: seed %d, worst recovery in ms %s, committed %d, delivered %d, repeated %d%n",
                    seed, worst, writers.count(Writers.Outcome.COMMITTED), check.delivered(), check.repeated());
            assertThat(check).matches(DeliveryCheck::isAtLeastOnceInOrder, "nothing lost, in order");
            assertThat(writers.count(Writers.Outcome.UNKNOWN)).isZero();
            assertThat(application.relay().state()).isEqualTo(Relay.State.LEADING);
        }
    }

    private void end(String kind, TestApplication application, Writers writers) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(400)));
        assertThat(application.get("/orders/1")).isEqualTo(200);
        Deliveries.await(
                () -> database.number("select count(*) from " + sessions(kind)) > 0, RECOVERY, kind + " is back");
        long began = System.nanoTime();
        long ended = database.number("select count(pg_terminate_backend(pid)) from " + sessions(kind));
        assertThat(ended).as("sessions of " + kind).isPositive();
        Duration delivered = writers.firstDeliveryAfter(System.nanoTime(), deliveries, RECOVERY);
        Deliveries.await(() -> application.get("/orders/1") == 200, RECOVERY, "an answer");
        Duration answered = Duration.ofNanos(System.nanoTime() - began);
        worst.merge(kind + " → delivery", delivered.toMillis(), Math::max);
        worst.merge(kind + " → answer", answered.toMillis(), Math::max);
        assertThat(delivered).isLessThan(RECOVERY);
        assertThat(answered).isLessThan(RECOVERY);
    }

    private static String sessions(String kind) {
        return "pg_stat_activity where datname = current_database() and application_name like '" + kind + "'";
    }

    private List<String> kindsInRandomOrder() {
        List<String> kinds = new ArrayList<>();
        for (int i = 0; i < ROUNDS; i++) {
            kinds.addAll(KINDS);
        }
        Collections.shuffle(kinds, random);
        return kinds;
    }
}
