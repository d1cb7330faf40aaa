package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** What becomes of an event that fails, of those behind it and of the others; across restarts, in both kinds of subscription. */
class FailedEventsIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);
    private static final RetryPolicy QUICK =
            RetryPolicy.DEFAULT.withDelays(Duration.ofMillis(20), 2, Duration.ofMillis(200), 0.5);

    private final TestDatabase database = TestDatabase.fresh();

    @BeforeEach
    void createTable() {
        database.execute("create table effect (number bigint generated always as identity, event_id bigint, key text)");
    }

    @Test
    void aFailedEventIsParkedInTheDatabaseAndThePositionPassesIt() {
        AtomicBoolean down = new AtomicBoolean(true);
        Failing handler = new Failing(event -> down.get() && event.key().equals("bad"), QUICK);
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("bad", "good", "bad", "good");
            handler.awaitCount(2, SOON);
            awaitParked("1 retrying, 3 blocked");
            assertThat(database.value("select error from outbox.parked where event_id = 1"))
                    .contains("not now");
            Deliveries.await(
                    () -> database.number("select max(high) from outbox.checkpoint where subscription = 'failing'")
                            == 4,
                    SOON,
                    "the position behind them");
            down.set(false);
            handler.awaitCount(4, SOON);
            awaitParked("");
        }
        assertThat(handler.events).extracting(Event::id).containsExactly(2L, 4L, 1L, 3L);
    }

    @Test
    void whatIsParkedGoesOnAfterARestartInOrder() {
        AtomicBoolean down = new AtomicBoolean(true);
        Failing handler = new Failing(event -> down.get() && event.key().equals("bad"), QUICK);
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("bad", "bad", "good");
            awaitParked("1 retrying, 2 blocked");
        }
        insert("bad");
        down.set(false);
        try (TestRelay relay = TestRelay.with(database, handler)) {
            handler.awaitCount(4, SOON);
            awaitParked("");
        }
        assertThat(handler.events).extracting(Event::id).containsExactly(3L, 1L, 2L, 4L);
    }

    @Test
    void afterItsLastAttemptAnEventIsDeadAndItsKeyWaitsForSomebody() {
        Failing handler = new Failing(event -> event.id() == 1, QUICK.withAttempts(3));
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("bad", "bad", "good");
            awaitParked("1 dead, 2 blocked");
            assertThat(handler.attempts.get(1L)).hasValue(3);
            assertThat(database.number("select attempts from outbox.parked where event_id = 1"))
                    .isEqualTo(3);
            handler.awaitCount(1, SOON);
        }
        assertThat(handler.events).extracting(Event::id).containsExactly(3L);
    }

    @Test
    void orTheKeyGoesOnWithoutIt() {
        Failing handler = new Failing(
                event -> event.id() == 1,
                QUICK.withFinal(error -> error instanceof IllegalStateException)
                        .withWhenDead(RetryPolicy.WhenDead.GO_ON));
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("bad", "bad", "good");
            handler.awaitCount(2, SOON);
            awaitParked("1 dead");
        }
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("bad");
            handler.awaitCount(3, SOON);
        }
        assertThat(handler.events).extracting(Event::id).containsExactlyInAnyOrder(2L, 3L, 4L);
        assertThat(handler.attempts.get(1L)).hasValue(1);
    }

    @Test
    void aDestinationThatIsDownStopsTheSubscriptionInPlaceVisiblyAndItGoesOnByItself() {
        AtomicBoolean down = new AtomicBoolean(true);
        Failing handler = new Failing(event -> down.get(), QUICK);
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                    + " select 'thing', 'key-' || n, 'thing.made', '{}' from generate_series(1, 300) n");
            Deliveries.await(() -> circuitIsOpen("failing"), SOON, "the open circuit");
            assertThat(database.number("select count(*) from outbox.parked")).isLessThanOrEqualTo(10);
        }
        assertThat(circuitIsOpen("failing")).isTrue();
        try (TestRelay relay = TestRelay.with(database, handler)) {
            down.set(false);
            handler.awaitCount(300, SOON);
            Deliveries.await(() -> !circuitIsOpen("failing"), SOON, "the closed circuit");
            awaitParked("");
        }
        assertThat(handler.events).extracting(Event::id).doesNotHaveDuplicates();
    }

    @Test
    void aPageOfATransactionalHandlerIsNarrowedDownToThePoisonEventAndTheGoodOnesAreDoneOnce() {
        AtomicBoolean down = new AtomicBoolean(true);
        Effect handler = new Effect(event -> down.get() && event.id() == 77, QUICK);
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', 'key-' || n % 40, 'thing.made', '{}' from generate_series(1, 200) n");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            Deliveries.await(() -> effects() == 196, SOON, "the effects of the others");
            awaitParked("77 retrying, 117 blocked, 157 blocked, 197 blocked");
        }
        down.set(false);
        try (TestRelay relay = TestRelay.with(database, handler)) {
            Deliveries.await(() -> effects() == 200, SOON, "every effect");
            awaitParked("");
        }
        assertThat(check()).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
    }

    @Test
    void anEventThatEndsItsConnectionEachTimeIsParkedToo() {
        Effect handler = new Effect(event -> false, QUICK) {
            @Override
            public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
                return events.stream().anyMatch(event -> event.key().equals("bad"))
                        ? Database.update(connection, "select pg_terminate_backend(pg_backend_pid())")
                                .onErrorComplete()
                                .then()
                        : super.handle(events, connection);
            }
        };
        insert("a", "bad", "b");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            Deliveries.await(() -> effects() == 2, SOON, "the effects of the others");
            assertThat(database.number("select count(*) from outbox.parked where event_id = 2"))
                    .isEqualTo(1);
        }
    }

    /** An engine that took it for a probe went on with the next new event at once, and parked that too. */
    @Test
    void anAttemptThatBeganBeforeTheCircuitOpenedIsNoProbe() {
        Sinks.Empty<Void> release = Sinks.empty();
        List<String> tried = new CopyOnWriteArrayList<>();
        AtomicReference<Instant> probed = new AtomicReference<>();
        Effect handler = new Effect(event -> true, QUICK) {
            @Override
            public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
                String key = events.get(0).key();
                boolean again = tried.contains(key);
                tried.add(key);
                if (key.equals("j")) {
                    probed.compareAndSet(null, Instant.now());
                }
                Mono<Void> fails = Mono.error(new IllegalStateException("down"));
                return again && key.equals("slow") ? release.asMono().then(fails) : fails;
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("slow");
            Deliveries.await(() -> tried.size() == 2, SOON, "the attempt that hangs");
            insert("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m");
            Deliveries.await(() -> circuitIsOpen("effect"), SOON, "the open circuit");
            assertThat(tried).doesNotContain("j");
            release.tryEmitEmpty();
            Deliveries.await(() -> probed.get() != null, SOON, "the probe");
            assertThat(database.value("select timestamptz '" + probed.get()
                            + "' - circuit_opened_at > interval '300 ms'" + " from outbox.subscription"))
                    .isEqualTo("t");
        }
    }

    @Test
    void aTransactionalHandlerWhoseEveryEventFailsIsStoppedInPlace() {
        AtomicBoolean down = new AtomicBoolean(true);
        Effect handler = new Effect(event -> down.get(), QUICK);
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', 'key-' || n, 'thing.made', '{}' from generate_series(1, 100) n");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            Deliveries.await(() -> circuitIsOpen("effect"), SOON, "the open circuit");
            assertThat(database.number("select count(*) from outbox.parked")).isLessThanOrEqualTo(10);
            down.set(false);
            Deliveries.await(() -> effects() == 100, SOON, "every effect");
            Deliveries.await(() -> !circuitIsOpen("effect"), SOON, "the closed circuit");
        }
        assertThat(check()).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
    }

    /** All there are have been parked when it opens: they are due and may not be tried. An event loop asked for them without a pause. */
    @Test
    void whileTheCircuitOfATransactionalHandlerIsOpenNoEventLoopIsBusy() throws InterruptedException {
        AtomicBoolean down = new AtomicBoolean(true);
        Effect handler = new Effect(event -> down.get(), QUICK);
        TestEvents.write(database, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
        EventLoopWatch watch = new EventLoopWatch();
        try (watch;
                TestRelay relay = TestRelay.with(database, handler)) {
            Deliveries.await(() -> circuitIsOpen("effect"), SOON, "the open circuit");
            Thread.sleep(3_000);
            down.set(false);
            Deliveries.await(() -> effects() == 10, SOON, "every effect");
        }
        assertThat(watch.longest()).as(watch::where).isLessThan(Duration.ofSeconds(1));
        assertThat(check()).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
    }

    @Test
    void withoutOrderALaterEventOfTheKeyDoesNotWait() {
        Failing handler = new Failing(event -> event.id() == 1, QUICK) {
            @Override
            public boolean ordered() {
                return false;
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            insert("bad", "bad");
            handler.awaitCount(1, SOON);
        }
        assertThat(handler.events).extracting(Event::id).containsExactly(2L);
    }

    private void insert(String... keys) {
        for (String key : keys) {
            database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                    + " values ('thing', '" + key + "', 'thing.made', '{}')");
        }
    }

    private void awaitParked(String expected) {
        Deliveries.await(() -> parked().equals(expected), SOON, "parked: " + expected);
    }

    private String parked() {
        return database.value("select coalesce(string_agg(event_id || ' ' || state, ', ' order by event_id), '')"
                + " from outbox.parked");
    }

    private boolean circuitIsOpen(String subscription) {
        return database.number(
                        "select count(circuit_opened_at) from outbox.subscription where name = '" + subscription + "'")
                == 1;
    }

    private long effects() {
        return database.number("select count(*) from effect");
    }

    private DeliveryCheck check() {
        return DeliveryCheck.of(
                Deliveries.committed(database),
                Deliveries.items(database, "select event_id, key from effect order by number"));
    }

    private interface Bad {
        boolean test(Event event);
    }

    private static class Failing extends RecordingHandler {

        final Map<Long, AtomicInteger> attempts = new ConcurrentHashMap<>();
        private final Bad bad;
        private final RetryPolicy policy;

        Failing(Bad bad, RetryPolicy policy) {
            super("failing");
            this.bad = bad;
            this.policy = policy;
        }

        @Override
        public Mono<Void> handle(Event event) {
            attempts.computeIfAbsent(event.id(), first -> new AtomicInteger()).incrementAndGet();
            return bad.test(event) ? Mono.error(new IllegalStateException("not now")) : super.handle(event);
        }

        @Override
        public RetryPolicy retryPolicy() {
            return policy;
        }
    }

    private static class Effect implements TransactionalHandler {

        private final Bad bad;
        private final RetryPolicy policy;

        Effect(Bad bad, RetryPolicy policy) {
            this.bad = bad;
            this.policy = policy;
        }

        @Override
        public String name() {
            return "effect";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            return Database.update(
                            connection,
                            "insert into effect (event_id, key) select * from unnest($1::bigint[], $2::text[])",
                            events.stream().map(Event::id).toArray(Long[]::new),
                            events.stream().map(Event::key).toArray(String[]::new))
                    .then(Mono.defer(() -> events.stream().anyMatch(bad::test)
                            ? Mono.error(new IllegalStateException("not now"))
                            : Mono.empty()));
        }

        @Override
        public RetryPolicy retryPolicy() {
            return policy;
        }
    }
}
