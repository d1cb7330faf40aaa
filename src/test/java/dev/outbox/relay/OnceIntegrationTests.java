package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * What waits behind a parked event of its key, and is of a batch that fails and is rolled back, has not been passed by the position: it
 * counts as parked when that batch commits and not before. An engine that stored it ahead of the position delivered it from there and then
 * once more from the log.
 */
@Timeout(60)
class OnceIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);

    private static final RetryPolicy SLOW =
            RetryPolicy.DEFAULT.withDelays(Duration.ofSeconds(4), 1, Duration.ofSeconds(4), 0);

    private static final RetryPolicy QUICK =
            RetryPolicy.DEFAULT.withDelays(Duration.ofMillis(300), 1, Duration.ofMillis(300), 0);

    private final TestDatabase database = TestDatabase.fresh();
    private final AtomicBoolean aIsWell = new AtomicBoolean();
    private final AtomicBoolean bIsWell = new AtomicBoolean();

    @BeforeEach
    void createTable() {
        Effects.createTable(database);
    }

    /**
     * The old engine: {@code 1:a 26:a 26:a 27:z}. The circuit opens at b10, a probe finds that a is well again, it opens at b20, and then probes go
     * to b21 and to what is parked in turn.
     */
    @Test
    void anEventOfABatchThatFailsIsNotDeliveredBeforeThePositionReachesItAndOnceMoreThen() {
        AtomicInteger alone = new AtomicInteger();
        try (TestRelay relay = TestRelay.with(database, new Effects(SLOW, events -> {
            alone.addAndGet(events.size() == 1 ? 1 : 0);
            return asTheyAre(events);
        }))) {
            TestEvents.write(database, "a");
            awaitParked(1);
            aIsWell.set(true);
            TestEvents.write(
                    database,
                    Stream.concat(IntStream.rangeClosed(1, 24).mapToObj(n -> "b" + n), Stream.of("a", "z"))
                            .toArray(String[]::new));
            Deliveries.await(() -> alone.get() >= 25, SOON, "two probes with b21 and one with what is parked");
            bIsWell.set(true);
            Deliveries.await(() -> Effects.count(database, "key like 'b%'") == 24, SOON, "the effects on b1 to b24");
            Deliveries.await(() -> Effects.count(database, "key = 'z'") == 1, SOON, "the effect on z");
        }
        assertThat(Effects.of(database, "key in ('a', 'z')").split(" "))
                .containsExactlyInAnyOrder("1:a", "26:a", "27:z");
        assertThat(Effects.count(database, "true")).isEqualTo(27);
    }

    /** The old engine: event 34 twice, and neither marked as replayed. */
    @Test
    void aPauseWhileABatchNarrowsAndAReplayRepeatNothingThatWasNotDone() {
        CountDownLatch begun = new CountDownLatch(1);
        Sinks.Empty<Void> go = Sinks.empty();
        try (TestRelay relay = TestRelay.with(database, new Effects(QUICK, events -> held(events, begun, go)))) {
            pauseWhileABatchNarrows(relay, begun, go);
            applied(relay, Action.Name.REPLAY, new Arguments("1", null, null, null, 20, null));
            aIsWell.set(true);
            bIsWell.set(true);
            applied(relay, Action.Name.RESUME, Arguments.NONE);
            awaitNothingLeft();
        }
        assertThat(Effects.of(database, "event_id >= 22 and key = 'a'")).isEqualTo("34:a");
        assertThat(Effects.count(database, "key like 'b%'")).isEqualTo(12);
        assertThat(Effects.count(database, "key like 'c%' and not replayed")).isEqualTo(20);
        assertThat(Effects.count(database, "key like 'c%' and replayed")).isEqualTo(20);
    }

    /** The old engine: 34 was among those that were discarded, and delivered. */
    @Test
    void whatIsDiscardedInThatPauseIsNotDelivered() {
        CountDownLatch begun = new CountDownLatch(1);
        Sinks.Empty<Void> go = Sinks.empty();
        try (TestRelay relay = TestRelay.with(database, new Effects(QUICK, events -> held(events, begun, go)))) {
            pauseWhileABatchNarrows(relay, begun, go);
            long discard = applied(relay, Action.Name.DISCARD, new Arguments(null, null, "a", null, null, null));
            aIsWell.set(true);
            bIsWell.set(true);
            applied(relay, Action.Name.RESUME, Arguments.NONE);
            awaitNothingLeft();
            assertThat(Effects.of(
                            database,
                            "event_id in (select value::bigint from outbox.action, jsonb_array_elements_text(result -> 'ids')"
                                    + " where id = " + discard + ")"))
                    .isEmpty();
        }
        assertThat(Effects.count(database, "key like 'b%'")).isEqualTo(12);
    }

    /** c1 to c20 are done, 21 of a is parked, and a batch of b1 to b12 and 34 of a fails while the subscription is paused. */
    private void pauseWhileABatchNarrows(TestRelay relay, CountDownLatch begun, Sinks.Empty<Void> go) {
        TestEvents.writeMany(database, 20, "'c' || n");
        Effects.awaitCount(database, 20, SOON);
        TestEvents.write(database, "a");
        awaitParked(1);
        TestEvents.write(
                database,
                Stream.concat(IntStream.rangeClosed(1, 12).mapToObj(n -> "b" + n), Stream.of("a"))
                        .toArray(String[]::new));
        Deliveries.await(() -> begun.getCount() == 0, SOON, "the batch");
        long pause = relay.ask(Effects.NAME, Action.Name.PAUSE, Arguments.NONE);
        awaitTheLookForIt();
        go.tryEmitEmpty();
        TestRelay.awaitApplied(database, pause);
    }

    /** The instance is told of an action at once; a tenth of its stop deadline is plenty. */
    private static void awaitTheLookForIt() {
        Mono.delay(Duration.ofMillis(500)).block(SOON);
    }

    private Mono<Void> held(List<Event> events, CountDownLatch begun, Sinks.Empty<Void> go) {
        if (events.stream().anyMatch(event -> event.key().equals("b1"))) {
            begun.countDown();
            return go.asMono().then(asTheyAre(events));
        }
        return asTheyAre(events);
    }

    private Mono<Void> asTheyAre(List<Event> events) {
        return events.stream().allMatch(this::isWell) ? Mono.empty() : Mono.error(new IllegalStateException("not now"));
    }

    private boolean isWell(Event event) {
        return switch (event.key().charAt(0)) {
            case 'a' -> aIsWell.get();
            case 'b' -> bIsWell.get();
            default -> true;
        };
    }

    private long applied(TestRelay relay, Action.Name name, Arguments arguments) {
        long action = relay.ask(Effects.NAME, name, arguments);
        TestRelay.awaitApplied(database, action);
        return action;
    }

    private void awaitParked(int count) {
        Deliveries.await(
                () -> database.number("select count(*) from outbox.parked") == count, SOON, count + " parked events");
    }

    /** No replay, nothing parked, and the position at the end of the log. */
    private void awaitNothingLeft() {
        Deliveries.await(
                () -> database.number("select (select count(*) from outbox.parked)"
                                + " + (select sum(replayed_through) from outbox.subscription)"
                                + " + (select max(id) from outbox.event) - (select greatest(high, last) from outbox.checkpoint"
                                + " order by generation desc limit 1)")
                        == 0,
                SOON,
                "the end of the log");
    }
}
