package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.database.TestConnections;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryLaterException;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/**
 * An event that comes again while a later one of its key is parked comes before it. An engine that let it queue behind those that are parked,
 * in the order of arrival, left the older event as the last word of its key.
 */
@Timeout(60)
class KeyOrderIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration LATER = Duration.ofSeconds(3);
    private static final Duration STOP_WITHIN = Duration.ofMillis(500);

    private final TestDatabase database = TestDatabase.fresh();
    private final Told told = new Told();

    /** The old engine: one, two, one. */
    @Test
    void anEventThatComesAgainAfterAPauseThatWasCutOffComesBeforeThoseOfItsKeyThatAreParked() {
        try (TestRelay relay = relay(told)) {
            oneIsDoneTwoIsParkedAndAnotherKeyHangs();
            applied(relay, Action.Name.PAUSE, Arguments.NONE);
            applied(relay, Action.Name.RESUME, Arguments.NONE);
            awaitNothingParked();
        }
        assertThat(told.ofKey("k")).isIn(List.of("one", "two"), List.of("one", "one", "two"));
    }

    /** The old engine: one, two, one. */
    @Test
    void afterACrashToo() {
        Door door = new Door(database);
        TestRelay crashing = TestRelay.through(TestConnections.to(door.to(database)), told);
        oneIsDoneTwoIsParkedAndAnotherKeyHangs();
        crashing.crash(door);
        try (TestRelay next = relay(told)) {
            awaitNothingParked();
        }
        assertThat(told.ofKey("k")).isIn(List.of("one", "two"), List.of("one", "one", "two"));
    }

    /** The old engine: one, two, later, one, two. The replay is so slow that it is under way when the last one is due. */
    @Test
    void aReplayComesBeforeALaterEventOfTheKeyThatIsParked() {
        try (TestRelay relay = relay(told)) {
            TestEvents.writeOf(database, "k", "one");
            TestEvents.writeOf(database, "k", "two");
            TestEvents.writeOf(database, "k", "later");
            TestEvents.writeMany(database, 30, "'other-' || n");
            awaitParked(1);
            told.awaitCount(32, SOON);
            applied(relay, Action.Name.REPLAY, new Arguments("1", null, null, null, 7, null));
            Deliveries.await(() -> told.ofKey("k").size() >= 5, SOON, "the replay");
            awaitNothingParked();
        }
        assertThat(told.ofKey("k"))
                .isIn(
                        List.of("one", "two", "one", "two", "later"),
                        List.of("one", "two", "one", "two", "later", "later"));
    }

    /** As where the last one ends, the others have gone on: the shards begin at the meet of their positions. The old engine: one, later, one. */
    @Test
    void aChangeOfShardsBringsAnEventAgainBeforeThoseOfItsKeyThatAreParked() {
        String other = database.value("select n::text from generate_series(1, 100) n"
                + " where outbox.shard('thing', n::text, 2) <> outbox.shard('thing', 'k', 2) limit 1");
        String its = "told." + database.value("select outbox.shard('thing', 'k', 2)") + "-of-2";
        String others = "told." + database.value("select outbox.shard('thing', '" + other + "', 2)") + "-of-2";
        try (TestRelay relay = relay(told.inShards(2))) {
            Deliveries.await(
                    () -> database.number("select count(*) from outbox.checkpoint where subscription like 'told.%'")
                            >= 2,
                    SOON,
                    "both shards");
            TestRelay.awaitApplied(database, relay.ask(others, Action.Name.PAUSE, Arguments.NONE));
            TestEvents.write(database, other);
            TestEvents.writeOf(database, "k", "one");
            TestEvents.writeOf(database, "k", "later");
            awaitParked(1);
            TestRelay.awaitApplied(database, relay.ask(its, Action.Name.RETRY, Arguments.NONE));
        }
        try (TestRelay relay = relay(told.inShards(1))) {
            awaitNothingParked();
            Deliveries.await(() -> told.ofKey(other).size() == 1, SOON, "the event of the other shard");
        }
        assertThat(told.ofKey("k")).isIn(List.of("one", "later"), List.of("one", "one", "later"));
    }

    /** The old engine: next, later. */
    @Test
    void whatWasParkedWithoutOrderHoldsItsKeyWhenTheHandlerIsOrdered() {
        AtomicBoolean ordered = new AtomicBoolean(false);
        Told handler = new Told() {
            @Override
            public boolean ordered() {
                return ordered.get();
            }
        };
        try (TestRelay relay = relay(handler)) {
            TestEvents.writeOf(database, "k", "later");
            awaitParked(1);
        }
        ordered.set(true);
        TestEvents.writeOf(database, "k", "next");
        try (TestRelay relay = relay(handler)) {
            Deliveries.await(() -> handler.ofKey("k").size() == 2, SOON, "both");
        }
        assertThat(handler.ofKey("k")).containsExactly("later", "next");
    }

    /** The old engine: the event with the id 7 is blocked for ever behind the dead one of the key 7. */
    @Test
    void withoutOrderAReplayOfAKeyHoldsUpNothingElse() {
        AtomicBoolean down = new AtomicBoolean(false);
        Told handler = new Told() {
            @Override
            public boolean ordered() {
                return false;
            }

            @Override
            public Mono<Void> handle(Event event) {
                return down.get() && event.key().equals("7")
                        ? Mono.error(new UndeliverableException("gone"))
                        : super.handle(event);
            }
        };
        try (TestRelay relay = relay(handler)) {
            TestEvents.write(database, "7");
            handler.awaitCount(1, SOON);
            down.set(true);
            applied(relay, Action.Name.REPLAY, new Arguments(null, null, "7", null, null, null));
            Deliveries.await(
                    () -> database.number("select count(*) from outbox.parked where state = 'dead'") == 1,
                    SOON,
                    "the dead event");
            TestEvents.writeMany(database, 9, "'other-' || n");
            Deliveries.await(() -> handler.events.size() >= 9, SOON, "the others");
            Deliveries.await(() -> handler.events.size() == 10, Duration.ofSeconds(5), "the event with the id 7");
        }
        assertThat(handler.events).extracting(Event::id).contains(7L).doesNotHaveDuplicates();
    }

    /** The position stays below it, because an event of another key hangs. An engine that deleted its row delivered it again. */
    @Test
    void whatWasDiscardedIsNotDeliveredAfterACrashWithThePositionBelowItUntilItIsReplayed() {
        AtomicBoolean bad = new AtomicBoolean(true);
        Told handler = new Told() {
            @Override
            public Mono<Void> handle(Event event) {
                return !bad.get()
                        ? super.handle(event)
                        : event.key().equals("s") ? Mono.never() : Mono.error(new UndeliverableException("poison"));
            }
        };
        Door door = new Door(database);
        TestRelay crashing = TestRelay.through(TestConnections.to(door.to(database)), handler);
        TestEvents.writeOf(database, "s", "stuck");
        TestEvents.writeOf(database, "k", "poison");
        awaitParked(1);
        long poison = database.number("select event_id from outbox.parked where state = 'dead'");
        applied(crashing, Action.Name.DISCARD, new Arguments(null, null, null, null, null, poison));
        crashing.crash(door);
        assertThat(database.number("select max(greatest(high, last)) from outbox.checkpoint"))
                .isLessThan(poison);
        bad.set(false);
        try (TestRelay relay = relay(handler)) {
            TestEvents.writeOf(database, "k", "next");
            Deliveries.await(() -> handler.ofKey("k").contains("next"), SOON, "the next of the key");
            assertThat(handler.ofKey("s")).containsExactly("stuck");
            assertThat(handler.ofKey("k")).containsExactly("next");
            applied(relay, Action.Name.REPLAY, new Arguments(null, null, "k", null, null, null));
            Deliveries.await(() -> handler.ofKey("k").size() == 3, SOON, "the replay");
        }
        assertThat(handler.ofKey("k")).containsExactly("next", "poison", "next");
    }

    /** The position stays before all of them, because the first event hangs; the row of two is stored. */
    private void oneIsDoneTwoIsParkedAndAnotherKeyHangs() {
        TestEvents.writeOf(database, "s", "hangs");
        TestEvents.writeOf(database, "k", "one");
        TestEvents.writeOf(database, "k", "two");
        awaitParked(1);
    }

    private TestRelay relay(Handler handler) {
        return TestRelay.stoppingWithin(STOP_WITHIN, database, List.of(handler), List.of());
    }

    private void applied(TestRelay relay, Action.Name name, Arguments arguments) {
        TestRelay.awaitApplied(database, relay.ask(Told.NAME, name, arguments));
    }

    private void awaitParked(int count) {
        Deliveries.await(
                () -> database.number("select count(*) from outbox.parked") == count, SOON, count + " parked events");
    }

    private void awaitNothingParked() {
        Deliveries.await(
                () -> told.ofKey("s").size() + told.ofKey("k").size() > 0
                        && database.number("select count(*) from outbox.parked") == 0,
                SOON,
                "the parked events");
    }

    /** Hangs at the first attempt of what is of the type "hangs", and fails at the first of "two" and "later", which come again after a while. */
    private static class Told extends RecordingHandler {

        static final String NAME = "told";

        private final java.util.Set<Long> attempted = java.util.concurrent.ConcurrentHashMap.newKeySet();
        private volatile int shards = 1;

        Told() {
            super(NAME);
        }

        Told inShards(int number) {
            shards = number;
            return this;
        }

        @Override
        public int shards() {
            return shards;
        }

        @Override
        public Mono<Void> handle(Event event) {
            boolean first = attempted.add(event.id());
            if (first && event.type().equals("hangs")) {
                return Mono.never();
            }
            if (first && (event.type().equals("two") || event.type().equals("later"))) {
                return Mono.error(new RetryLaterException(LATER, "not now"));
            }
            return super.handle(event);
        }

        List<String> ofKey(String key) {
            return events.stream()
                    .filter(event -> event.key().equals(key))
                    .map(Event::type)
                    .toList();
        }
    }
}
