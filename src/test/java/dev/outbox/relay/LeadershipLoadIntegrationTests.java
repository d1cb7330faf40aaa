package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Event;
import dev.outbox.log.StaleLeaderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Two relays on one database: one leads, the other stands by. */
@Timeout(180)
class LeadershipLoadIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(5);

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void whenTheLeaderStopsTheOtherLeadsWithinHalfASecondAndNothingComesTwice() throws Exception {
        Deliveries deliveries = new Deliveries("deliveries");
        List<Long> takeovers = new ArrayList<>();
        try (Writers writers = new Writers(database, 3, 10, seed)) {
            TestRelay leader = relay(deliveries);
            awaitState(leader, Relay.State.LEADING, SOON);
            for (int i = 0; i < 10; i++) {
                TestRelay standby = relay(deliveries);
                awaitState(standby, Relay.State.STANDING_BY, SOON);
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(300)));
                assertThat(standby.relay.state()).isEqualTo(Relay.State.STANDING_BY);
                takeovers.add(stop(leader, standby));
                leader = standby;
            }
            writers.stop();
            deliveries.awaitAll(database, SOON);
            leader.close();
        }
        DeliveryCheck check = deliveries.check(database);
        System.out.printf(
                "leader stopped: seed %d, takeover in ms %s, delivered %d, repeated %d%n",
                seed, takeovers, check.delivered(), check.repeated());
        assertThat(check).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
        assertThat(takeovers).allMatch(millis -> millis < 500);
    }

    @Test
    void whenTheLeaderIsKilledTheOtherLeadsWithinTwoSecondsAndNothingIsLost() throws Exception {
        RelayProcess.createTables(database);
        List<Long> takeovers = new ArrayList<>();
        RelayProcess leader = new RelayProcess(database);
        try (Writers writers = new Writers(database, 3, 10, seed)) {
            leader.awaitLeading(SOON);
            for (int i = 0; i < 7; i++) {
                RelayProcess standby = new RelayProcess(database);
                standby.awaitStandingBy();
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(1_000)));
                long killed = System.nanoTime();
                leader.kill();
                leader = standby;
                leader.awaitLeading(SOON);
                takeovers.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed));
            }
            writers.stop();
            awaitTables();
        } finally {
            leader.close();
        }
        report("leader killed", takeovers);
        assertThat(Collections.max(takeovers)).isLessThan(2_000);
    }

    @Test
    void aFrozenLeaderIsFollowedAndCannotMoveACheckpointWhenItWakesUp() throws Exception {
        RelayProcess.createTables(database);
        try (RelayProcess frozen = new RelayProcess(database);
                Writers writers = new Writers(database, 3, 10, seed)) {
            frozen.awaitLeading(SOON);
            try (RelayProcess other = new RelayProcess(database)) {
                other.awaitStandingBy();
                // It stands still in the middle of a transaction, and holds what it wrote.
                database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                        + " values ('thing', 'held', 'hold', '{}')");
                frozen.awaitHolding(SOON);
                long began = System.nanoTime();
                frozen.freeze();
                other.awaitLeading(Duration.ofSeconds(10));
                long takeover = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
                awaitEffectBeyond(database.number("select max(id) from outbox.event"));
                long effect = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
                frozen.thaw();
                frozen.awaitLostLeadership(SOON);
                writers.stop();
                awaitTables();
                System.out.printf(
                        "leader frozen: seed %d, leads after %d ms, past what the frozen one held after %d ms%n",
                        seed, takeover, effect);
                report("leader frozen", List.of(takeover));
                assertThat(takeover).isLessThan(8_000);
                assertThat(effect).isLessThan(12_000);
                assertThat(instances("noting")).isEqualTo(List.of(frozen.instance(), other.instance()));
                assertThat(instances("effect")).isEqualTo(List.of(frozen.instance(), other.instance()));
            }
        }
    }

    /** Another has gone on, as it seems to this one: it stops where it is and begins again from what is stored. */
    @Test
    void aStaleLeaderGivesUpAndBeginsAgainFromWhatIsStored() {
        Gate gate = new Gate();
        try (TestRelay relay = TestRelay.with(database, gate)) {
            for (int i = 1; i <= 4; i++) {
                insert("key", "event-" + i);
            }
            gate.awaitStarted("event-1");
            long session = listenerSession();
            Checkpoint last = relay.checkpoints.latest("gate").block(SOON);
            Checkpoint byAnother = last.next(relay.log.end().block(SOON));
            relay.checkpoints.append(byAnother, "another").block(SOON);
            assertThatThrownBy(() -> relay.checkpoints
                            .append(last.next(last.position()), "stale")
                            .block(SOON))
                    .isInstanceOf(StaleLeaderException.class);

            gate.open("event-1"); // its position is to be stored, and another has stored that generation
            gate.awaitCanceled("event-2");
            Deliveries.await(() -> listenerSession() != session, SOON, "another session");
            gate.open("event-6");
            insert("key", "event-6");
            gate.awaitDone("event-6");
            assertThat(gate.started).containsExactly("event-1", "event-2", "event-6");
            assertThat(relay.relay.state()).isEqualTo(Relay.State.LEADING);
        }
    }

    private TestRelay relay(Deliveries deliveries) {
        return TestRelay.with(database, List.of(deliveries), List.of());
    }

    private static long stop(TestRelay leader, TestRelay standby) {
        long began = System.nanoTime();
        Thread stopper = new Thread(leader::close, "stopper");
        stopper.start();
        awaitState(standby, Relay.State.LEADING, SOON);
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
        try {
            stopper.join(20_000);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return took;
    }

    private static void awaitState(TestRelay relay, Relay.State state, Duration atMost) {
        Deliveries.await(() -> relay.relay.state() == state, atMost, state.toString());
    }

    private void awaitTables() {
        Deliveries.await(() -> deliveries().lost().isEmpty(), SOON, "every delivery");
        Deliveries.await(() -> effects().lost().isEmpty(), SOON, "every effect");
    }

    private void awaitEffectBeyond(long id) {
        Deliveries.await(
                () -> database.number("select coalesce(max(event_id), 0) from effect") > id,
                Duration.ofSeconds(40),
                "the other's first effect");
    }

    private void report(String what, List<Long> takeovers) {
        System.out.printf(
                "%s: seed %d, takeover in ms %s, delivered %d, repeated %d%n",
                what, seed, takeovers, deliveries().delivered(), deliveries().repeated());
        assertThat(deliveries()).matches(DeliveryCheck::isAtLeastOnceInOrder, "nothing lost, in order");
        assertThat(effects()).matches(DeliveryCheck::isOnceInOrder, "each effect once, in order");
    }

    private DeliveryCheck deliveries() {
        List<DeliveryCheck.Item> noted =
                Deliveries.items(database, "select event_id, key from delivery order by number");
        return DeliveryCheck.of(Deliveries.committed(database), noted);
    }

    private DeliveryCheck effects() {
        List<DeliveryCheck.Item> written =
                Deliveries.items(database, "select event_id, key from effect order by xmin::text::bigint, event_id");
        return DeliveryCheck.of(Deliveries.committed(database), written);
    }

    /** Who stored the checkpoints, in their order. */
    private List<String> instances(String subscription) {
        return List.of(database.value("""
                select string_agg(instance, ',' order by generation)
                from (select instance, generation, lag(instance) over (order by generation) as previous
                    from outbox.checkpoint where subscription = '%s') c
                where instance is distinct from previous
                """.formatted(subscription)).split(","));
    }

    private long listenerSession() {
        return database.number("""
                select coalesce(max(pid), 0) from pg_stat_activity
                where datname = current_database() and application_name = 'outbox listener'
                """);
    }

    private void insert(String key, String type) {
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', '"
                + key + "', '" + type + "', '{}')");
    }

    /** Holds each event until it is opened for its type. */
    private static final class Gate implements Handler {

        final List<String> started = new CopyOnWriteArrayList<>();
        final Set<String> canceled = ConcurrentHashMap.newKeySet();
        final Set<String> done = ConcurrentHashMap.newKeySet();
        private final Map<String, Sinks.Empty<Void>> gates = new ConcurrentHashMap<>();

        @Override
        public String name() {
            return "gate";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            started.add(event.type());
            return gate(event.type())
                    .asMono()
                    .doOnCancel(() -> canceled.add(event.type()))
                    .doOnSuccess(opened -> done.add(event.type()));
        }

        void open(String type) {
            gate(type).tryEmitEmpty();
        }

        void awaitStarted(String type) {
            Deliveries.await(() -> started.contains(type), SOON, type + " to start");
        }

        void awaitCanceled(String type) {
            Deliveries.await(() -> canceled.contains(type), SOON, type + " to be canceled");
        }

        void awaitDone(String type) {
            Deliveries.await(() -> done.contains(type), SOON, type + " to be done");
        }

        private Sinks.Empty<Void> gate(String type) {
            return gates.computeIfAbsent(type, any -> Sinks.empty());
        }
    }
}
