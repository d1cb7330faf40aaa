package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import dev.outbox.retention.TestRetention;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** A dead event outlives its partition: it can be looked at, tried again and discarded, and its key waits for that. */
@Timeout(60)
class KeptEventsIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final long FIRST = 10_000_001;
    private static final RetryPolicy ONCE = RetryPolicy.DEFAULT.withAttempts(1);

    private final TestDatabase database = TestDatabase.fresh();
    private final Mono<Boolean> round = TestRetention.round(new Database(database.pool(2), SOON));
    private final AtomicBoolean down = new AtomicBoolean(true);
    private final List<Event> handled = new CopyOnWriteArrayList<>();

    /** Behind the ten million ids of the first partition. */
    @BeforeEach
    void theFirstPartitionIsOver() {
        database.execute("select setval('outbox.event_id_seq', 10000000)");
        round.block(SOON);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDeadEventIsDeliveredWhenItIsTriedAgainAfterItsPartitionIsGone(boolean transactional) {
        try (TestRelay relay = relay(transactional)) {
            Event dead = oneIsDeadAndTheLogIsEmptied(relay);
            assertThat(relay.log.event(FIRST).block(SOON)).isEqualTo(dead);
            down.set(false);
            applied(relay, Action.Name.RETRY, new Arguments(null, null, null, null, null, FIRST));
            awaitHandled(FIRST + 2, FIRST, FIRST + 1);
            awaitNothingParked();
            Event delivered = handled.get(1);
            assertThat(delivered.payload()).isEqualTo(dead.payload());
            assertThat(delivered.from(handled.get(0).origin()).uid())
                    .isEqualTo(dead.from(handled.get(0).origin()).uid());
            assertThat(relay.log.event(FIRST).block(SOON)).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsDiscardedFreesItsKeyAndLeavesNothing(boolean transactional) {
        try (TestRelay relay = relay(transactional)) {
            oneIsDeadAndTheLogIsEmptied(relay);
            down.set(false);
            applied(relay, Action.Name.DISCARD, new Arguments(null, null, null, null, null, FIRST));
            awaitHandled(FIRST + 2, FIRST + 1);
            awaitNothingParked();
            assertThat(relay.log.events(List.of(FIRST, FIRST + 1)).block(SOON)).isEmpty();
        }
    }

    /** It does not come from the log again, but still holds its key; a later event is in the log. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aReplayBringsNothingOfItsKeyBeforeIt(boolean transactional) {
        try (TestRelay relay = relay(transactional)) {
            oneIsDeadAndTheLogIsEmptied(relay);
            TestEvents.write(database, "bad", "good");
            long later = database.number("select min(id) from outbox.event");
            awaitHandled(FIRST + 2, later + 1);
            down.set(false);
            applied(relay, Action.Name.REPLAY, new Arguments("1", null, null, null, null, null));
            awaitHandled(FIRST + 2, later + 1, later + 1);
            applied(relay, Action.Name.REPLAY, new Arguments(null, null, "bad", null, null, null));
            assertThat(database.value("select state from outbox.parked where event_id = " + FIRST))
                    .isEqualTo("dead");
            applied(relay, Action.Name.RETRY, Arguments.NONE);
            awaitHandled(FIRST + 2, later + 1, later + 1, FIRST, FIRST + 1, later);
            awaitNothingParked();
        }
    }

    /** While its event is due and its retention runs it is tried, and fails, and is tried again. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsTriedAgainAndAgainIsTriedFromItsCopy(boolean transactional) {
        RetryPolicy quick = RetryPolicy.DEFAULT
                .withDelays(Duration.ofMillis(20), 1, Duration.ofMillis(20), 0)
                .withAttempts(1_000);
        try (TestRelay relay = relay(transactional, quick)) {
            oneIsParkedAndTheLogIsEmptied(relay);
            down.set(false);
            awaitHandled(FIRST + 2, FIRST, FIRST + 1);
            awaitNothingParked();
        }
    }

    private Event oneIsDeadAndTheLogIsEmptied(TestRelay relay) {
        Event dead = oneIsParkedAndTheLogIsEmptied(relay);
        assertThat(database.value("select string_agg(state, ' ' order by event_id) from outbox.parked"))
                .isEqualTo("dead blocked");
        return dead;
    }

    /** Bad, bad, good. */
    private Event oneIsParkedAndTheLogIsEmptied(TestRelay relay) {
        TestEvents.write(database, "bad", "bad", "good");
        awaitHandled(FIRST + 2);
        Deliveries.await(
                () -> database.number("select count(*) from outbox.parked where attempts > 0 or state = 'blocked'")
                        == 2,
                SOON,
                "the failed one and that behind it");
        Event parked = relay.log.event(FIRST).block(SOON);
        database.execute("select setval('outbox.event_id_seq', 10001001)");
        Deliveries.await(
                () -> {
                    round.block(SOON);
                    return database.number("select count(*) from outbox.event") == 0;
                },
                SOON,
                "the end of the partition");
        return parked;
    }

    private void awaitHandled(Long... ids) {
        Deliveries.await(() -> handled.size() >= ids.length, SOON, "the events " + List.of(ids));
        assertThat(handled).extracting(Event::id).containsExactly(ids);
    }

    private void awaitNothingParked() {
        Deliveries.await(() -> database.number("select count(*) from outbox.parked") == 0, SOON, "no parked event");
    }

    private void applied(TestRelay relay, Action.Name name, Arguments arguments) {
        TestRelay.awaitApplied(database, relay.ask("kept", name, arguments));
    }

    private TestRelay relay(boolean transactional) {
        return relay(transactional, ONCE);
    }

    private TestRelay relay(boolean transactional, RetryPolicy policy) {
        return transactional
                ? TestRelay.with(database, List.of(), List.of(new InTheTransaction(policy)))
                : TestRelay.with(database, List.of(new OneByOne(policy)), List.of());
    }

    private Mono<Void> handle(Event event) {
        return Mono.defer(() -> {
            if (down.get() && event.key().equals("bad")) {
                return Mono.error(new IllegalStateException("not now"));
            }
            handled.add(event);
            return Mono.empty();
        });
    }

    private final class OneByOne implements Handler {

        private final RetryPolicy policy;

        OneByOne(RetryPolicy policy) {
            this.policy = policy;
        }

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
            return KeptEventsIntegrationTests.this.handle(event);
        }

        @Override
        public RetryPolicy retryPolicy() {
            return policy;
        }
    }

    /** One that is bad fails all, before any is handled. */
    private final class InTheTransaction implements TransactionalHandler {

        private final RetryPolicy policy;

        InTheTransaction(RetryPolicy policy) {
            this.policy = policy;
        }

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
            return down.get() && events.stream().anyMatch(event -> event.key().equals("bad"))
                    ? Mono.error(new IllegalStateException("not now"))
                    : Mono.fromRunnable(() -> handled.addAll(events));
        }

        @Override
        public RetryPolicy retryPolicy() {
            return policy;
        }
    }
}
