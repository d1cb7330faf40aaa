package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** However many events are dead, a subscription goes on, holds the keys that they hold, and has none of them in memory. */
@Timeout(180)
class ManyDeadLoadIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final RetryPolicy POLICY = RetryPolicy.DEFAULT.withAttempts(1);

    private final TestDatabase database = TestDatabase.fresh();
    private final Queue<Event> handled = new ConcurrentLinkedQueue<>();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void threeHundredThousandAreNotInMemoryAndTheirKeysWait(boolean transactional) {
        long bare = deliverTenThousand(transactional, "before");
        insertDead(300_000);
        long began = System.nanoTime();
        try (TestRelay relay = relay(transactional)) {
            TestEvents.write(database, "dead-7", "good", "dead-299999", "dead-7");
            Deliveries.await(() -> hasHandled("good"), SOON, "the event of a free key");
            long first = (System.nanoTime() - began) / 1_000_000;
            Deliveries.await(() -> number("state = 'blocked'") == 3, SOON, "the events behind dead ones");
            assertThat(entries()).isLessThan(100);
            TestRelay.awaitApplied(
                    database,
                    relay.ask("kept", Action.Name.RETRY, new Arguments(null, null, "dead-7", null, null, null)));
            Deliveries.await(() -> keys("dead-7").size() == 3, SOON, "what its key held back");
            assertThat(keys("dead-7")).isSorted();
            assertThat(keys("dead-299999")).isEmpty();
            System.out.printf(
                    "300000 dead, %s: first event after %d ms, 10000 events in %d ms, without dead ones in %d ms%n",
                    transactional ? "transactional" : "handler", first, deliver("with"), bare);
        }
    }

    /** With so many of them the run has to know that it ends, and another begins without. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void keysThatManyEventsWaitBehindTheirDeadOnesAreNotInMemoryForLong(boolean transactional) {
        deliverTenThousand(transactional, "before");
        insertDead(30_000);
        try (TestRelay relay = relay(transactional)) {
            TestEvents.writeMany(database, 30_000, "'dead-' || n");
            TestEvents.write(database, "good");
            Deliveries.await(() -> hasHandled("good"), SOON, "the event of a free key");
            Deliveries.await(() -> number("state = 'blocked'") == 30_000, SOON, "the events behind dead ones");
            assertThat(handled).noneMatch(event -> event.key().startsWith("dead-"));
            assertThat(number("state = 'dead'")).isEqualTo(30_000);
        }
    }

    private long deliverTenThousand(boolean transactional, String keys) {
        try (TestRelay relay = relay(transactional)) {
            return deliver(keys);
        }
    }

    /** @return how many ms it took */
    private long deliver(String keys) {
        int before = handled.size();
        long began = System.nanoTime();
        TestEvents.writeMany(database, 10_000, "'" + keys + "-' || n");
        Deliveries.await(() -> handled.size() >= before + 10_000, SOON, "ten thousand events");
        return (System.nanoTime() - began) / 1_000_000;
    }

    /** As retention leaves them: with copies, below all that the log has. */
    private void insertDead(int count) {
        database.execute(
                "insert into outbox.parked (subscription, event_id, key, state, attempts, error, aggregate_type, type,"
                        + " occurred_at, payload) select 'kept', -n, 'dead-' || n, 'dead', 1, 'gone', 'thing', 'thing.made', now(), '{}'"
                        + " from generate_series(1, " + count + ") n");
        database.execute("analyze outbox.parked");
    }

    private boolean hasHandled(String key) {
        return !keys(key).isEmpty();
    }

    private List<Long> keys(String key) {
        return handled.stream()
                .filter(event -> event.key().equals(key))
                .map(Event::id)
                .toList();
    }

    private long number(String which) {
        return database.number("select count(*) from outbox.parked where " + which);
    }

    /** How many parked events are in memory. */
    private static long entries() {
        try {
            String histogram = (String) ManagementFactory.getPlatformMBeanServer()
                    .invoke(
                            new ObjectName("com.sun.management:type=DiagnosticCommand"),
                            "gcClassHistogram",
                            new Object[] {new String[0]},
                            new String[] {String[].class.getName()});
            return histogram
                    .lines()
                    .filter(line -> line.endsWith("dev.outbox.dispatch.ParkedKeys$Entry"))
                    .mapToLong(line -> Long.parseLong(line.trim().split("\\s+", -1)[1]))
                    .sum();
        } catch (JMException e) {
            throw new IllegalStateException(e);
        }
    }

    private TestRelay relay(boolean transactional) {
        return transactional
                ? TestRelay.with(database, List.of(), List.of(new InTheTransaction()))
                : TestRelay.with(database, List.of(new OneByOne()), List.of());
    }

    private final class OneByOne implements Handler {

        @Override
        public String name() {
            return "kept";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            return Mono.fromRunnable(() -> handled.add(event));
        }

        @Override
        public RetryPolicy retryPolicy() {
            return POLICY;
        }
    }

    private final class InTheTransaction implements TransactionalHandler {

        @Override
        public String name() {
            return "kept";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            return Mono.fromRunnable(() -> handled.addAll(events));
        }

        @Override
        public RetryPolicy retryPolicy() {
            return POLICY;
        }
    }
}
