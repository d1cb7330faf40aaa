package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/**
 * A subscription obeys at once, whatever is in its way, and does not stand still without a word. Each test says what an older engine did. The bars
 * are several times what it takes on a slow machine.
 */
@Timeout(120)
class SubscriptionStallsLoadIntegrationTests {

    private static final String IN_AN_HOUR = "'retrying', now() + interval '1 hour'";

    private static final Duration SOON = Duration.ofSeconds(20);

    /** A stop, a pause or a discard, while no handler takes longer than 0.2 s; the deadline after which it is cut off is 5 s. */
    private static final Duration AT_ONCE = Duration.ofMillis(2_500);

    private static final RetryPolicy QUICK =
            RetryPolicy.DEFAULT.withDelays(Duration.ofMillis(100), 1, Duration.ofMillis(100), 0);

    private final TestDatabase database = TestDatabase.fresh();
    private final AtomicBoolean down = new AtomicBoolean();
    private final AtomicInteger millis = new AtomicInteger();

    /** It waited for the whole deadline, delivered 360 more, and 15 of those again at the next start. */
    @Test
    void aStopWithABacklogIsQuickAndRepeatsNothing() {
        millis.set(200);
        Paced handler = new Paced(16);
        TestEvents.writeMany(database, 5_000, "'key-' || n");
        Duration took;
        int before;
        try (TestRelay relay = relay(handler)) {
            handler.awaitCount(40, SOON);
            before = handler.events.size();
            took = relay.timedStop();
        }
        assertThat(took).isLessThan(AT_ONCE);
        assertThat(handler.events.size() - before).isLessThanOrEqualTo(2 * 16);
        millis.set(0);
        try (TestRelay relay = relay(handler)) {
            Deliveries.await(() -> handler.distinct() == 5_000, SOON, "all events");
        }
        assertThat(handler.events.size()).isEqualTo(5_000);
    }

    /** It went on until the deadline, and what was cut off came twice. */
    @Test
    void aPauseWithABacklogIsQuickAndRepeatsNothing() {
        millis.set(100);
        Paced handler = new Paced(16);
        TestEvents.writeMany(database, 3_500, "'key-' || n");
        try (TestRelay relay = relay(handler)) {
            handler.awaitCount(40, SOON);
            int before = handler.events.size();
            assertThat(timed(relay, Action.Name.PAUSE, Arguments.NONE)).isLessThan(AT_ONCE);
            assertThat(handler.events.size() - before).isLessThanOrEqualTo(5 * 16);
            millis.set(0);
            timed(relay, Action.Name.RESUME, Arguments.NONE);
            Deliveries.await(() -> handler.distinct() == 3_500, SOON, "all events");
        }
        assertThat(handler.events.size()).isEqualTo(3_500);
    }

    /** Each waited for the whole deadline, just when an operator needs it. */
    @Test
    void anOpenCircuitHoldsUpNoPause() {
        try (TestRelay relay = relayWithOpenCircuit()) {
            assertThat(timed(relay, Action.Name.PAUSE, Arguments.NONE)).isLessThan(AT_ONCE);
        }
    }

    @Test
    void anOpenCircuitHoldsUpNoDiscard() {
        try (TestRelay relay = relayWithOpenCircuit()) {
            assertThat(timed(relay, Action.Name.DISCARD, new Arguments(null, null, "key-1", null, null, null)))
                    .isLessThan(AT_ONCE);
        }
    }

    @Test
    void anOpenCircuitHoldsUpNoStop() {
        try (TestRelay relay = relayWithOpenCircuit()) {
            assertThat(relay.timedStop()).isLessThan(AT_ONCE);
        }
    }

    /** They never moved. */
    @Test
    void subscriptionsWithOpenCircuitsMoveToANewcomer() {
        down.set(true);
        TestEvents.writeMany(database, 3_000, "'key-' || n");
        List<Handler> handlers = List.of(new Paced("first", 16), new Paced("second", 16));
        try (TestRelay old = TestRelay.with(database, handlers, List.of())) {
            awaitOpenCircuits(2);
            try (TestRelay newcomer = TestRelay.with(database, handlers, List.of())) {
                Deliveries.await(() -> newcomer.relay.leads().size() == 1, SOON, "a subscription of its own");
            }
        }
    }

    /** The dispatcher stood still, and nothing said so. */
    @Test
    void anExceptionWithoutATextDoesNotStopTheSubscription() {
        AtomicInteger faults = new AtomicInteger();
        Paced handler = new Paced(16) {
            @Override
            public Mono<Void> handle(Event event) {
                return event.key().equals("odd") && faults.getAndIncrement() == 0
                        ? Mono.error(new Wordless())
                        : super.handle(event);
            }
        };
        try (TestRelay relay = relay(handler)) {
            TestEvents.write(database, "a", "odd", "b");
            Deliveries.await(() -> handler.distinct() == 3, SOON, "all events");
            TestEvents.write(database, "odd");
            Deliveries.await(() -> handler.distinct() == 4, SOON, "the next one");
        }
    }

    @Test
    void norATransactionalOne() {
        Effects.createTable(database);
        AtomicInteger faults = new AtomicInteger();
        try (TestRelay relay = TestRelay.with(
                database,
                new Effects(
                        QUICK,
                        events -> events.stream().anyMatch(event -> event.key().equals("odd"))
                                        && faults.getAndIncrement() < 5
                                ? Mono.error(new Wordless())
                                : Mono.empty()))) {
            TestEvents.write(database, "a", "odd", "b");
            Effects.awaitCount(database, 3, SOON);
        }
        assertThat(Effects.count(database, "true")).isEqualTo(3);
    }

    /** 1,000 events of 5 ms took 15 s and 189 generations, with a claim for every 16 of them, and new ones waited as long. */
    @Test
    void theEndOfAReplayIsAsQuickAsTheHandler() {
        replayTakes(new Paced(16), 1_000);
    }

    /** With a concurrency of 1 there was a claim for each event: 2.5 of them a second. */
    @Test
    void theEndOfAReplayWithoutConcurrencyToo() {
        replayTakes(new Paced(1), 150);
    }

    private void replayTakes(Paced handler, int count) {
        TestEvents.writeMany(database, count, "'key-' || n");
        try (TestRelay relay = relay(handler)) {
            Deliveries.await(() -> handler.distinct() == count, SOON, "all events");
            millis.set(5);
            timed(relay, Action.Name.REPLAY, new Arguments("1", null, null, null, null, null));
            long generation = database.number("select max(generation) from outbox.checkpoint");
            long began = System.nanoTime();
            TestEvents.write(database, "new");
            handler.await(event -> event.key().equals("new"), SOON);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(6));
            Deliveries.await(
                    () -> handler.events.size() == 2 * count + 1
                            && database.number("select sum(replayed_through) from outbox.subscription") == 0,
                    SOON,
                    "the end of the replay");
            Duration took = Duration.ofNanos(System.nanoTime() - began);
            assertThat(took).isLessThan(Duration.ofSeconds(6));
            assertThat(database.number("select max(generation) from outbox.checkpoint") - generation)
                    .as("generations: one for each 200 ms, and for two claims")
                    .isLessThanOrEqualTo(took.toMillis() / 200 + 4);
        }
        assertThat(handler.events).filteredOn(Event::replayed).hasSize(count);
    }

    /** Ten a second, one in each look: 300 took half a minute. */
    @Test
    void whatWaitsBehindAFailedEventOfATransactionalHandlerDrainsInBatches() {
        Effects.createTable(database);
        down.set(true);
        try (TestRelay relay = TestRelay.with(
                database,
                new Effects(
                        QUICK,
                        events -> down.get() ? Mono.error(new IllegalStateException("not now")) : Mono.empty()))) {
            TestEvents.write(database, "k");
            awaitParked(1);
            TestEvents.writeMany(database, 300, "'k'");
            awaitParked(301);
            down.set(false);
            Effects.awaitCount(database, 301, Duration.ofSeconds(8));
        }
        assertThat(
                        database.number(
                                "select count(*) from (select event_id < lag(event_id) over (order by number) as back from effect) e where back"))
                .isZero();
        assertThat(Effects.count(database, "true")).isEqualTo(301);
    }

    /** Ten a second: a replay of 100,000 would have taken three hours. */
    @Test
    void aReplayOfAKeyOfATransactionalHandlerIsDeliveredInBatches() {
        Effects.createTable(database);
        try (TestRelay relay = TestRelay.with(database, new Effects(QUICK, events -> Mono.empty()))) {
            TestEvents.writeMany(database, 500, "'k'");
            Effects.awaitCount(database, 500, SOON);
            TestRelay.awaitApplied(
                    database,
                    relay.ask(Effects.NAME, Action.Name.REPLAY, new Arguments(null, null, "k", null, null, null)));
            Effects.awaitCount(database, 1_000, Duration.ofSeconds(10));
        }
        assertThat(Effects.count(database, "replayed")).isEqualTo(500);
    }

    /** 600 first. */
    @Test
    void aReplayOfATypeLeavesNewEventsAShareOfTheOnlyHand() {
        Paced handler = new Paced(1);
        TestEvents.writeMany(database, 600, "'key-' || n");
        try (TestRelay relay = relay(handler)) {
            Deliveries.await(() -> handler.distinct() == 600, SOON, "all events");
            millis.set(5);
            timed(relay, Action.Name.REPLAY, new Arguments(null, null, null, "thing.made", null, null));
            handler.awaitCount(610, SOON);
            TestEvents.write(database, "new");
            handler.await(event -> event.key().equals("new"), SOON);
            assertThat(handler.events.stream().filter(Event::replayed).count()).isLessThan(300);
        }
    }

    /** With 200,000 parked events, all of one key, it read no further. */
    @Test
    void manyParkedEventsOfOneKeyHoldUpNothingElse() {
        Paced handler = new Paced(16);
        parkDead("paced", "handler", 200_000, "'dead'");
        try (TestRelay relay = relay(handler)) {
            TestEvents.write(database, "k");
            handler.awaitCount(1, SOON);
        }
    }

    /** Only a million rows were loaded, in order of id: the keys of the others seemed free, and the event of this one was delivered. */
    @Test
    void aKeyIsHeldHoweverManyEventsAreParked() {
        Effects.createTable(database);
        parkDead(Effects.NAME, "transactional", 1_000_001, "case when n <= 1000000 then 'dead' else 'held' end");
        try (TestRelay relay = TestRelay.with(database, new Effects(QUICK, events -> Mono.empty()))) {
            TestEvents.write(database, "held");
            Deliveries.await(
                    () -> Effects.count(database, "true") > 0
                            || database.number("select count(*) from outbox.parked where state = 'blocked'") == 1,
                    Duration.ofSeconds(60),
                    "the event of the held key");
        }
        assertThat(Effects.of(database, "true")).isEmpty();
    }

    /** It went on reading: only each key that is parked is in memory, and there is a bound to those. */
    @Test
    void aTransactionalHandlerReadsNoFurtherWithAMillionParkedKeys() {
        Effects.createTable(database);
        park(Effects.NAME, "transactional", 1_000_000, "'bad-' || n", IN_AN_HOUR);
        try (TestRelay relay = TestRelay.with(database, new Effects(QUICK, events -> Mono.empty()))) {
            Deliveries.await(
                    () -> database.number("select count(*) from outbox.checkpoint") > 1, SOON, "the subscription");
            TestEvents.write(database, "k");
            Deliveries.await(
                    () -> database.number("select count(parked_full_at) from outbox.subscription") == 1,
                    SOON,
                    "the state");
            Mono.delay(Duration.ofSeconds(3)).block(SOON);
            assertThat(Effects.count(database, "true")).isZero();
            TestRelay.awaitApplied(
                    database,
                    relay.ask(Effects.NAME, Action.Name.DISCARD, new Arguments(null, null, null, null, null, 1L)));
            Effects.awaitCount(database, 1, SOON);
        }
    }

    /** A replay parks what it brings back, as many keys as it likes; the bound is for them too, exactly, and what it says is done. */
    @Test
    void aReplayIsRefusedThatWouldParkMoreThanAMillionKeys() {
        TestEvents.writeMany(database, 10, "'key-' || n");
        Paced handler = new Paced(16);
        try (TestRelay relay = relay(handler)) {
            handler.awaitCount(10, SOON);
            park(999_991);
            assertThat(replay(relay)).contains("With these more than 1000000 keys would be parked.", "\"events\": 0");
            assertThat(database.number("select count(*) from outbox.parked where replayed"))
                    .isZero();
            database.execute("delete from outbox.parked where event_id = 1000001");
            assertThat(replay(relay)).isEqualTo("{\"events\": 10}");
            Deliveries.await(() -> handler.events.size() == 20, SOON, "the replayed events");
        }
    }

    /** Ahead of what is drawn. */
    private void park(int count) {
        database.execute(
                "insert into outbox.parked (subscription, event_id, aggregate_type, key, attempts, state, next_attempt_at)"
                        + " select 'paced', 1000000 + n, 'thing', 'bad-' || n, 1, " + IN_AN_HOUR
                        + " from generate_series(1, "
                        + count + ") n");
    }

    private String replay(TestRelay relay) {
        long action = relay.ask("paced", Action.Name.REPLAY, new Arguments(null, null, null, "thing.made", null, null));
        TestRelay.awaitApplied(database, action);
        return database.value("select result from outbox.action where id = " + action);
    }

    /** What is asked for just when the subscription is between two looks was found at the next one, five seconds later. */
    @Test
    void anActionIsAppliedAtOnceWheneverItIsAsked() {
        try (TestRelay relay = TestRelay.with(database, List.of(new Paced("other", 16), new Paced(16)), List.of())) {
            Deliveries.await(
                    () -> database.number("select count(distinct subscription) from outbox.checkpoint") == 2,
                    SOON,
                    "both subscriptions");
            timed(relay, Action.Name.RETRY, Arguments.NONE);
            for (int i = 0; i < 150; i++) {
                relay.ask("paced", Action.Name.RETRY, Arguments.NONE);
                spinUntil(System.nanoTime() + i % 50 * 400_000L);
                assertThat(timed(relay, Action.Name.RETRY, Arguments.NONE)).isLessThan(AT_ONCE);
            }
        }
    }

    private static void spinUntil(long end) {
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    private TestRelay relayWithOpenCircuit() {
        down.set(true);
        TestEvents.writeMany(database, 3_000, "'key-' || n");
        TestRelay relay = relay(new Paced(16));
        awaitOpenCircuits(1);
        return relay;
    }

    private TestRelay relay(Handler handler) {
        return TestRelay.with(database, List.of(handler), List.of());
    }

    private void awaitOpenCircuits(int count) {
        Deliveries.await(
                () -> database.number("select count(circuit_opened_at) from outbox.subscription") == count,
                SOON,
                count + " open circuits");
    }

    private void awaitParked(int count) {
        Deliveries.await(
                () -> database.number("select count(*) from outbox.parked") == count, SOON, count + " parked events");
    }

    private void parkDead(String subscription, String kind, int count, String key) {
        park(subscription, kind, count, key, "'dead', null");
    }

    /** Many that the position has passed. The key is an SQL expression that may go by n, from 1. */
    private void park(String subscription, String kind, int count, String key, String stateAndTime) {
        database.execute("insert into outbox.subscription (name, kind, types) values ('" + subscription + "', '" + kind
                + "', '{}');"
                + " insert into outbox.parked (subscription, event_id, aggregate_type, key, attempts, state, next_attempt_at)"
                + " select '" + subscription + "', n, 'thing', " + key + ", 1, " + stateAndTime
                + " from generate_series(1, " + count + ") n;"
                + " select setval('outbox.event_id_seq', 2000000);"
                + " insert into outbox.checkpoint"
                + " (subscription, generation, done, barrier, high, last, system_identifier, instance)"
                + " select '" + subscription + "', 0, pg_current_snapshot(), pg_current_xact_id(), 2000000, 0,"
                + " system_identifier, 'test' from pg_control_system()");
    }

    private Duration timed(TestRelay relay, Action.Name name, Arguments arguments) {
        long began = System.nanoTime();
        TestRelay.awaitApplied(database, relay.ask("paced", name, arguments));
        return Duration.ofNanos(System.nanoTime() - began);
    }

    /** Takes as long as the test says, and fails while the destination is down. */
    private class Paced extends RecordingHandler {

        private final int concurrency;

        Paced(int concurrency) {
            this("paced", concurrency);
        }

        Paced(String name, int concurrency) {
            super(name);
            this.concurrency = concurrency;
        }

        @Override
        public Mono<Void> handle(Event event) {
            if (down.get()) {
                return Mono.error(new IllegalStateException("down"));
            }
            Mono<Void> done = super.handle(event);
            return millis.get() == 0
                    ? done
                    : Mono.delay(Duration.ofMillis(millis.get())).then(done);
        }

        @Override
        public int concurrency() {
            return concurrency;
        }

        @Override
        public RetryPolicy retryPolicy() {
            return QUICK;
        }

        long distinct() {
            return events.stream().map(Event::id).distinct().count();
        }
    }

    private static final class Wordless extends RuntimeException {

        @Override
        @SuppressWarnings({"OverrideThrowableToString", "ToStringReturnsNull"
        }) // what is not to be expected of others' code
        public String toString() {
            return null;
        }
    }
}
