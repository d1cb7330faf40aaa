package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.StaleLeaderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Two or three instances on one database: each subscription is run by one of them. */
@Timeout(180)
class LeadershipLoadIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final Duration LATER = Duration.ofSeconds(30);

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
        assertInTime(takeovers, 500);
    }

    @Test
    void subscriptionsSpreadOverTheInstancesAndANewcomerGetsItsShare() throws Exception {
        List<Deliveries> all =
                List.of(new Deliveries("a"), new Deliveries("b"), new Deliveries("c"), new Deliveries("d"));
        List<TestRelay> relays = new ArrayList<>();
        List<Long> spread = new ArrayList<>();
        try (Writers writers = new Writers(database, 3, 10, seed)) {
            for (List<Integer> loads : List.of(List.of(4), List.of(2, 2), List.of(1, 1, 2))) {
                relays.add(TestRelay.with(database, List.copyOf(all), List.of()));
                spread.add(awaitLoads(relays, loads));
            }
            TestRelay gone = relays.remove(random.nextInt(3));
            gone.close();
            spread.add(awaitLoads(relays, List.of(2, 2)));
            writers.stop();
            for (Deliveries deliveries : all) {
                deliveries.awaitAll(database, SOON);
                assertThat(deliveries.check(database)).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
            }
        } finally {
            relays.forEach(TestRelay::close);
        }
        System.out.printf("four subscriptions spread: seed %d, 1, 2, 3 and 2 instances after ms %s%n", seed, spread);
        assertThat(spread).allMatch(millis -> millis < 5_000);
    }

    /** Who runs everything has just looked, and looks again by itself in 3 s only. */
    @Test
    void aNewcomerTellsThatItIsThere() throws Exception {
        List<Deliveries> both = List.of(new Deliveries("a"), new Deliveries("b"));
        List<Long> spread = new ArrayList<>();
        try (TestRelay first = TestRelay.with(database, List.copyOf(both), List.of())) {
            for (int i = 0; i < 3; i++) {
                awaitLoads(List.of(first), List.of(2));
                try (TestRelay newcomer = TestRelay.with(database, List.copyOf(both), List.of())) {
                    spread.add(awaitLoads(List.of(first, newcomer), List.of(1, 1)));
                }
            }
        }
        System.out.printf("a newcomer has its share: after ms %s%n", spread);
        assertThat(spread).allMatch(millis -> millis < 2_000);
    }

    /** As in a deployment that adds a handler, and takes one away. */
    @Test
    void instancesWithDifferentHandlersShareTheOthersAndThenRest() {
        List<Handler> shared = List.of(new Deliveries("a"), new Deliveries("b"), new Deliveries("c"));
        List<Handler> former = new ArrayList<>(shared);
        former.add(new Deliveries("former"));
        List<Handler> next = new ArrayList<>(shared);
        next.add(new Deliveries("next"));
        try (TestRelay one = TestRelay.with(database, former, List.of());
                TestRelay two = TestRelay.with(database, next, List.of())) {
            awaitLoads(List.of(one, two), List.of(2, 3));
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1)); // they may be even before the last one has moved
            List<String> led = one.relay.leads();
            long began = System.nanoTime();
            while (millisSince(began) < 12_000) { // longer than anything is kept before it may be given up again
                assertThat(one.relay.leads())
                        .as("after %d ms", millisSince(began))
                        .isEqualTo(led);
                assertThat(distinct(List.of(one, two)))
                        .as("after %d ms", millisSince(began))
                        .isEqualTo(5);
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    @Test
    void whenAnInstanceIsKilledTheOtherRunsAllWithinTwoSecondsAndNothingIsLost() throws Exception {
        List<Long> takeovers = new ArrayList<>();
        replace(7, takeovers, RelayProcess::kill);
        report("instance killed", takeovers);
        assertInTime(takeovers, 2_000);
    }

    @Test
    void whenAnInstanceIsToldToEndTheOtherRunsAllWithinHalfASecondAndNothingComesTwice() throws Exception {
        List<Long> takeovers = new ArrayList<>();
        replace(7, takeovers, RelayProcess::terminate);
        report("instance terminated", takeovers);
        assertThat(deliveries()).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
        assertInTime(takeovers, 500);
    }

    @Test
    void aFrozenInstanceIsFollowedAndCannotMoveACheckpointWhenItWakesUp() throws Exception {
        RelayProcess.createTables(database);
        try (RelayProcess one = new RelayProcess(database);
                RelayProcess two = new RelayProcess(database);
                Writers writers = new Writers(database, 3, 10, seed)) {
            awaitShared(one, two);
            RelayProcess frozen = leader("effect", one, two);
            RelayProcess other = frozen == one ? two : one;
            // It stands still in the middle of a transaction, and holds what it wrote.
            insert("held", "hold");
            frozen.awaitHolding(SOON);
            long began = System.nanoTime();
            frozen.freeze();
            awaitRunsAll(other, Duration.ofSeconds(10));
            List<Long> takeovers = new ArrayList<>(List.of(millisSince(began)));
            awaitEffectBeyond(database.number("select max(id) from outbox.event"));
            long effect = millisSince(began);
            frozen.thaw();
            awaitShared(one, two);

            RelayProcess zombie = leader("noting", one, two);
            RelayProcess heir = zombie == one ? two : one;
            began = System.nanoTime();
            zombie.freeze();
            awaitRunsAll(heir, Duration.ofSeconds(10));
            takeovers.add(millisSince(began));
            long noted = database.number("select max(number) from delivery");
            long claimed =
                    database.number("select max(generation) from outbox.checkpoint where subscription = 'noting'");
            zombie.thaw();
            awaitShared(one, two);
            long late = lateDeliveries(zombie, noted, claimed);
            writers.stop();
            awaitTables();
            System.out.printf(
                    "instance frozen: past what it held after %d ms; delivered after it was replaced: %d%n",
                    effect, late);
            report("instance frozen", takeovers);
            assertThat(Collections.max(takeovers)).isLessThan(8_000);
            assertThat(effect).isLessThan(12_000);
            assertThat(late).isLessThanOrEqualTo(2_000); // the most that it can have in flight
        }
    }

    @Test
    void anInstanceThatIsCutOffIsFollowed() throws Exception {
        RelayProcess.createTables(database);
        try (Door door = new Door(database);
                RelayProcess cut = new RelayProcess(new TestDatabase("localhost", door.port(), database.name()));
                RelayProcess other = new RelayProcess(database);
                Writers writers = new Writers(database, 3, 10, seed)) {
            awaitShared(cut, other);
            long began = System.nanoTime();
            door.freeze();
            awaitRunsAll(other, Duration.ofSeconds(10));
            List<Long> takeovers = List.of(millisSince(began));
            door.open();
            awaitShared(cut, other);
            writers.stop();
            awaitTables();
            report("instance cut off", takeovers);
            assertThat(Collections.max(takeovers)).isLessThan(8_000);
        }
    }

    /** Another has gone on, as it seems to this one: it stops where it is and begins again from what is stored. */
    @Test
    void aStaleLeaderGivesUpAndBeginsAgainFromWhatIsStoredAndTheOthersGoOn() {
        Gate gate = new Gate();
        Gate bystander = new Gate("bystander");
        try (TestRelay relay = TestRelay.with(database, gate, bystander)) {
            for (int i = 1; i <= 4; i++) {
                insert("key", "event-" + i);
            }
            gate.awaitStarted("event-1");
            bystander.awaitStarted("event-1");
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
            gate.open("event-6");
            insert("key", "event-6");
            gate.awaitDone("event-6");
            assertThat(gate.started).containsExactly("event-1", "event-2", "event-6");
            assertThat(relay.relay.leads()).containsExactly("bystander", "gate");
            assertThat(listenerSession()).isEqualTo(session);
            assertThat(bystander.canceled).isEmpty();
        }
    }

    private TestRelay relay(Deliveries deliveries) {
        return TestRelay.with(database, List.of(deliveries), List.of());
    }

    /** All but one within the bar, and that one within thrice: the first to end is a process that has hardly started. */
    private static void assertInTime(List<Long> takeovers, long barMillis) {
        assertThat(takeovers.stream().sorted().limit(takeovers.size() - 1))
                .as("all but one of %s", takeovers)
                .allMatch(millis -> millis < barMillis);
        assertThat(Collections.max(takeovers)).isLessThan(3 * barMillis);
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

    private interface End {
        void of(RelayProcess process) throws Exception;
    }

    /** Again and again one of two instances ends, and another takes its place. */
    private void replace(int times, List<Long> takeovers, End end) throws Exception {
        RelayProcess.createTables(database);
        RelayProcess ending = new RelayProcess(database);
        RelayProcess staying = new RelayProcess(database);
        try (Writers writers = new Writers(database, 3, 10, seed)) {
            for (int i = 0; i < times; i++) {
                awaitShared(ending, staying);
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(1_000)));
                long began = System.nanoTime();
                end.of(ending);
                awaitRunsAll(staying, SOON);
                takeovers.add(millisSince(began));
                ending.awaitEnd(SOON);
                ending = staying;
                staying = new RelayProcess(database);
            }
            awaitShared(ending, staying);
            writers.stop();
            awaitTables();
        } finally {
            ending.close();
            staying.close();
        }
    }

    private void awaitShared(RelayProcess one, RelayProcess two) {
        Set<String> both = Set.of(one.instance(), two.instance());
        Deliveries.await(
                () -> leaders().size() == 2 && Set.copyOf(leaders().values()).equals(both), LATER, "each to run one");
    }

    private void awaitRunsAll(RelayProcess instance, Duration atMost) {
        Map<String, String> all = Map.of("effect", instance.instance(), "noting", instance.instance());
        Deliveries.await(() -> leaders().equals(all), atMost, "one to run all");
    }

    private RelayProcess leader(String subscription, RelayProcess one, RelayProcess two) {
        return one.instance().equals(leaders().get(subscription)) ? one : two;
    }

    /** A claim stores a checkpoint, so the latest tells who leads. */
    private Map<String, String> leaders() {
        String all = database.value("""
                select coalesce(string_agg(name || '=' || c.instance, ','), '')
                from outbox.subscription
                cross join lateral (
                    select instance from outbox.checkpoint
                    where subscription = name order by generation desc limit 1) c
                """);
        return Arrays.stream(all.split(","))
                .filter(pair -> !pair.isEmpty())
                .map(pair -> pair.split("="))
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
    }

    /** Deliveries by one that was replaced, until it leads again by a claim of its own, if it does. */
    private long lateDeliveries(RelayProcess zombie, long noted, long claimed) {
        return database.number("""
                select count(*) from delivery
                where instance = '%d' and number > %d and at < coalesce(
                    (select min(created_at) from outbox.checkpoint
                    where subscription = 'noting' and generation > %d and instance = '%s'), 'infinity')
                """.formatted(zombie.pid(), noted, claimed, zombie.instance()));
    }

    private static long millisSince(long began) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    }

    /** How long it takes until the instances run that many, and each subscription has one. */
    private static long awaitLoads(List<TestRelay> relays, List<Integer> loads) {
        long began = System.nanoTime();
        long subscriptions = loads.stream().mapToLong(Integer::longValue).sum();
        Deliveries.await(
                () -> loads.equals(loads(relays)) && distinct(relays) == subscriptions, SOON, loads + " subscriptions");
        return millisSince(began);
    }

    private static List<Integer> loads(List<TestRelay> relays) {
        return relays.stream().map(each -> each.relay.leads().size()).sorted().toList();
    }

    private static long distinct(List<TestRelay> relays) {
        return relays.stream()
                .flatMap(each -> each.relay.leads().stream())
                .distinct()
                .count();
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

        private final String name;

        Gate() {
            this("gate");
        }

        Gate(String name) {
            this.name = name;
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
