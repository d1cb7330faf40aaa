package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** What a handler can tell others of an event: who it is, and who sends it. */
class OriginIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void anEventKeepsItsUidWhoeverDeliversItAndEachLeaderHasAHigherFence() {
        RecordingHandler first = new RecordingHandler("recording") {
            private boolean failed;

            @Override
            public Mono<Void> handle(Event event) {
                Mono<Void> kept = super.handle(event);
                boolean fails = !failed;
                failed = true;
                return fails ? kept.then(Mono.error(new IllegalStateException("once"))) : kept;
            }
        };
        RecordingHandler second = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, first)) {
            TestEvents.write(database, "a");
            first.awaitCount(2, SOON);
            Deliveries.await(() -> database.number("select count(*) from outbox.parked") == 0, SOON, "the retry");
        }
        database.execute("update outbox.identity set fence = 1"); // as after a failover that lost the last ones
        try (TestRelay relay = TestRelay.with(database, second)) {
            TestEvents.write(database, "b");
            second.awaitCount(1, SOON);
            TestRelay.awaitApplied(database, relay.ask("recording", Action.Name.REPLAY, Arguments.NONE));
            second.awaitCount(3, SOON);
        }
        List<Event> ofA = List.of(first.events.get(0), first.events.get(1), named(second, "a"));
        assertThat(ofA).extracting(Event::uid).containsOnly(ofA.get(0).uid());
        assertThat(second.events).extracting(Event::uid).contains(ofA.get(0).uid());
        assertThat(second.events.stream().map(Event::uid).distinct()).hasSize(2); // b came twice
        assertThat(first.events.get(0).fence()).isPositive();
        assertThat(second.events)
                .allMatch(event -> event.fence() > first.events.get(1).fence());
    }

    private static Event named(RecordingHandler handler, String key) {
        return handler.events.stream()
                .filter(event -> event.key().equals(key))
                .findFirst()
                .orElseThrow();
    }
}
