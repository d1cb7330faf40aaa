package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Whatever a handler does with an event, it is a failed attempt of that event: its key waits, the others go on, and it is dead by its policy. */
class MisbehavingHandlerIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(15);

    private static final RetryPolicy QUICK = RetryPolicy.DEFAULT
            .withDelays(Duration.ofMillis(20), 2, Duration.ofMillis(100), 0.5)
            .withAttempts(3);

    private final TestDatabase database = TestDatabase.fresh();

    @ParameterizedTest
    @EnumSource
    void itHarmsNoOther(Misdeed misdeed) {
        Bad handler = new Bad(event -> misdeed.deed.get());
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "good", "bad", "bad", "good");
            handler.awaitCount(2, SOON);
            awaitParked("2 dead 3, 3 blocked 0");
            TestEvents.write(database, "good");
            handler.awaitCount(3, SOON);
        }
        assertThat(handler.events).extracting(Event::id).containsExactly(1L, 4L, 5L);
    }

    @ParameterizedTest
    @EnumSource
    void itHarmsNoOtherInATransaction(Misdeed misdeed) {
        Effects.createTable(database);
        try (TestRelay relay = TestRelay.with(database, new BadEffects(connection -> misdeed.deed.get()))) {
            TestEvents.write(database, "good", "bad", "bad", "good");
            Effects.awaitCount(database, 2, SOON);
            awaitParked("2 dead 3, 3 blocked 0");
            TestEvents.write(database, "good");
            Effects.awaitCount(database, 3, SOON);
        }
        assertThat(Effects.of(database, "true")).isEqualTo("1:good 4:good 5:good");
    }

    @Test
    void oneThatNeverEndsAndTakesNoNoticeOfBeingCancelled() {
        Bad handler = new Bad(event -> Mono.<Void>never().doOnCancel(Misdeed::values)) {
            @Override
            public Duration timeout() {
                return Duration.ofMillis(200);
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad", "good");
            handler.awaitCount(1, SOON);
            awaitParked("1 dead 3");
        }
    }

    @Test
    void oneThatEndsLateAndOnAThreadOfItsOwn() {
        AtomicInteger ends = new AtomicInteger();
        Bad handler =
                new Bad(event -> Mono.create(sink -> Schedulers.boundedElastic().schedule(() -> {
                    pause(ends.incrementAndGet() < 3 ? 400 : 0);
                    sink.success();
                }))) {
                    @Override
                    public Duration timeout() {
                        return Duration.ofMillis(200);
                    }
                };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad", "good", "bad");
            awaitParked("");
            Deliveries.await(() -> ends.get() == 4, SOON, "both, one of them at the third attempt");
        }
    }

    @Test
    void aPolicyThatFails() {
        Bad handler = new Bad(event -> Mono.error(new IllegalStateException("not now"))) {
            @Override
            public RetryPolicy retryPolicy() {
                return QUICK.withFinal(error -> {
                    throw new StackOverflowError("in the policy");
                });
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad", "good");
            handler.awaitCount(1, SOON);
            awaitParked("1 dead 3");
        }
    }

    /** A handler whose other functions fail can't be run: it says so, and is tried again. */
    @Test
    void aHandlerThatCannotBeRunIsShownAsFailingAndTriedAgain() {
        AtomicInteger asked = new AtomicInteger();
        Bad handler = new Bad(event -> Mono.empty()) {
            @Override
            public int concurrency() {
                if (asked.incrementAndGet() < 4) {
                    throw new StackOverflowError("no\0concurrency");
                }
                return 4;
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "good");
            handler.awaitCount(1, SOON);
        }
        assertThat(database.value(
                        "select failure from outbox.subscription where failed_at > now() - interval '1 minute'"))
                .endsWith("java.lang.StackOverflowError: no\ufffdconcurrency");
    }

    /** What it wrote is committed then, and comes again with each attempt: it is told what it did. */
    @Test
    void oneThatEndsTheTransactionItself() {
        Effects.createTable(database);
        BadEffects handler = new BadEffects(connection -> connection.commitTransaction());
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad", "good");
            Effects.awaitCount(database, 1, SOON);
            awaitParked("1 dead 3");
        }
        assertThat(database.value("select error from outbox.parked")).contains("the handler ended the transaction");
    }

    /** Its statement failed, it took no notice, and the transaction takes no more statements. */
    @Test
    void oneThatLeavesItsTransactionFailed() {
        Effects.createTable(database);
        BadEffects handler = new BadEffects(connection ->
                Database.update(connection, "select 1 / 0").onErrorComplete().then());
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad", "good");
            Effects.awaitCount(database, 1, SOON);
            awaitParked("1 dead 3");
        }
    }

    /** It fails when the transaction commits. */
    @Test
    void oneWhoseEffectIsRefusedByTheCommit() {
        Effects.createTable(database);
        database.execute("create table referred (id bigint primary key)");
        database.execute("create table referring (id bigint references referred deferrable initially deferred)");
        BadEffects handler = new BadEffects(connection ->
                Database.update(connection, "insert into referring values (1)").then());
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad", "good");
            Effects.awaitCount(database, 1, SOON);
            awaitParked("1 dead 3");
        }
    }

    /** It was alone on its connection and known to be at fault after three times, and then never dead; each time the run began again. */
    @Test
    void anEventThatEndsItsConnectionEachTimeIsDeadAfterItsAttemptsAndTheOthersFlow() {
        Effects.createTable(database);
        BadEffects handler = new BadEffects(
                connection -> Database.update(connection, "select pg_terminate_backend(pg_backend_pid())")
                        .onErrorComplete()
                        .then());
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad");
            TestEvents.writeMany(database, 500, "'good' || n");
            Effects.awaitCount(database, 500, SOON);
            awaitParked("1 dead 3");
        }
        assertThat(Effects.count(database, "true")).isEqualTo(500);
        assertThat(database.number("select max(generation) from outbox.checkpoint"))
                .isLessThan(60);
    }

    /** The relay gives the handler 20 s here. */
    @Test
    void oneThatNeverEndsInItsTransactionIsEndedAndItsConnectionIsFree() {
        Effects.createTable(database);
        BadEffects handler = new BadEffects(connection -> Mono.never());
        try (TestRelay relay = TestRelay.giving(Duration.ofSeconds(1), database, handler)) {
            TestEvents.write(database, "bad");
            TestEvents.writeMany(database, 500, "'good' || n");
            Effects.awaitCount(database, 500, SOON);
            awaitParked("1 dead 3");
            Deliveries.await(
                    () -> database.number("select count(*) from pg_stat_activity where datname = current_database()"
                                    + " and application_name = 'outbox transactions' and state like '%in transaction%'")
                            == 0,
                    SOON,
                    "its connection");
        }
        assertThat(Effects.count(database, "true")).isEqualTo(500);
    }

    /** They took all eight connections of the relay: checkpoints waited for one, and the run of whoever stored them began again. */
    @Test
    void nineThatNeverEndInTheirTransactionsLeaveCheckpointsTheirConnections() {
        RecordingHandler good = new RecordingHandler("recording");
        List<TransactionalHandler> hanging = IntStream.rangeClosed(1, 9)
                .<TransactionalHandler>mapToObj(n -> new BadEffects("hanging-" + n, connection -> Mono.never()))
                .toList();
        String stored = "select coalesce(max(high), 0) from outbox.checkpoint where subscription = 'recording'";
        try (TestRelay relay = TestRelay.with(database, List.of(good), hanging)) {
            TestEvents.write(database, "bad");
            Deliveries.await(() -> database.number(hangingTransactions()) == 9, SOON, "all of them");
            TestEvents.write(database, "good");
            good.awaitCount(2, Duration.ofSeconds(2));
            Deliveries.await(() -> database.number(stored) >= 2, Duration.ofSeconds(2), "its checkpoint");
        }
        assertThat(database.number("select count(*) from outbox.subscription where failed_at is not null"))
                .isZero();
    }

    private static String hangingTransactions() {
        return "select count(*) from pg_stat_activity where datname = current_database()"
                + " and application_name like 'outbox %' and state = 'idle in transaction'";
    }

    /** While a parked event hangs, new ones come as fast as ever. */
    @Test
    void newEventsDoNotWaitForAParkedOneThatNeverEnds() {
        Effects.createTable(database);
        BadEffects handler = new BadEffects(connection -> Database.update(
                        connection, "insert into effect (event_id, key, replayed) values (0, 'never', false)")
                .then(Mono.never()));
        try (TestRelay relay = TestRelay.giving(Duration.ofSeconds(3), database, handler)) {
            TestEvents.write(database, "bad");
            awaitParked("1 retrying 1");
            for (int i = 1; i <= 20; i++) {
                long began = System.nanoTime();
                TestEvents.write(database, "good");
                Effects.awaitCount(database, i, SOON);
                assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(1));
                pause(200);
            }
        }
    }

    /** Their retries opened the circuit, in which they kept their attempts, and the good one waited for the next probe. */
    @Test
    void threeBadKeysOnAQuietSubscriptionDieAndHoldNoOtherBack() {
        Bad handler = new Bad(event -> Mono.error(new IllegalStateException("never"))) {
            @Override
            public RetryPolicy retryPolicy() {
                return QUICK.withAttempts(12);
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(database, "bad1", "bad2", "bad3");
            awaitParked("1 dead 12, 2 dead 12, 3 dead 12");
            long began = System.nanoTime();
            TestEvents.write(database, "good");
            handler.awaitCount(1, SOON);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(1));
        }
    }

    /** The eleventh is what a probe goes with: it was the same one for ever, and what came behind it never went. */
    @Test
    void whatComesBehindManyBadKeysIsDelivered() {
        Bad handler = new Bad(event -> Mono.error(new IllegalStateException("never")));
        try (TestRelay relay = TestRelay.with(database, handler)) {
            TestEvents.write(
                    database,
                    IntStream.rangeClosed(1, 13)
                            .mapToObj(n -> n < 13 ? "bad" + n : "good")
                            .toArray(String[]::new));
            handler.awaitCount(1, SOON);
        }
    }

    private static void pause(long millis) {
        java.util.concurrent.locks.LockSupport.parkNanos(millis * 1_000_000);
    }

    private void awaitParked(String expected) {
        Deliveries.await(() -> parked().equals(expected), SOON, "parked: " + expected);
    }

    private String parked() {
        return database.value(
                "select coalesce(string_agg(event_id || ' ' || state || ' ' || attempts, ', ' order by event_id), '')"
                        + " from outbox.parked");
    }

    private static class Bad extends RecordingHandler {

        private final Function<Event, Mono<Void>> deed;

        Bad(Function<Event, Mono<Void>> deed) {
            super("misbehaving");
            this.deed = deed;
        }

        @Override
        public Mono<Void> handle(Event event) {
            return event.key().startsWith("bad") ? deed.apply(event) : super.handle(event);
        }

        @Override
        public RetryPolicy retryPolicy() {
            return QUICK;
        }
    }

    private static final class BadEffects implements TransactionalHandler {

        private final String name;
        private final Function<PostgresqlConnection, Mono<Void>> deed;
        private final Effects effects = new Effects(QUICK, events -> Mono.empty());

        BadEffects(Function<PostgresqlConnection, Mono<Void>> deed) {
            this(Effects.NAME, deed);
        }

        BadEffects(String name, Function<PostgresqlConnection, Mono<Void>> deed) {
            this.name = name;
            this.deed = deed;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            return events.stream().anyMatch(event -> event.key().startsWith("bad"))
                    ? deed.apply(connection)
                    : effects.handle(events, connection);
        }

        @Override
        public RetryPolicy retryPolicy() {
            return QUICK;
        }
    }
}
