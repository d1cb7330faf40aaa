package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.TestConnections;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Claims;
import dev.outbox.log.OtherShardsException;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/** A handler that is split by key, and split anew. */
@Timeout(180)
class ShardsIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final TestDatabase database = TestDatabase.fresh();
    private final Deliveries deliveries = new Deliveries("mail");

    @Test
    void shardsSpreadOverTheInstancesAndEveryEventComesOnceInOrder() throws Exception {
        try (TestRelay one = relay(4);
                TestRelay other = relay(4);
                Writers writers = new Writers(database, 3, 10, seed)) {
            Deliveries.await(
                    () -> one.relay.leads().size() == 2 && other.relay.leads().size() == 2, SOON, "an even spread");
            awaitMore(200);
            writers.stop();
            deliveries.awaitAll(database, SOON);
        }
        assertThat(deliveries.check(database)).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
        assertThat(database.number("select count(distinct subscription) from outbox.checkpoint"))
                .isEqualTo(4);
    }

    /** As a deployment does it: the new instance starts, and then the old ones end. */
    @Test
    void theNumberOfShardsChangesUnderLoadAndNothingIsLostOrOutOfOrder() throws Exception {
        List<TestRelay> old = new ArrayList<>(List.of(relay(4), relay(4)));
        try (Writers writers = new Writers(database, 3, 10, seed)) {
            awaitMore(100);
            for (int shards : List.of(2, 1, 3, 4)) {
                String before = inForce();
                TestRelay next = relay(shards);
                Deliveries.await(() -> next.relay.leads().size() == shards, SOON, "the new instance");
                awaitMore(50);
                assertThat(inForce()).isEqualTo(before);
                old.forEach(TestRelay::close);
                old = new ArrayList<>(List.of(next));
                Deliveries.await(
                        () -> inForce().equals(String.join(" ", names(shards))), SOON, shards + " shards in force");
                awaitMore(100);
            }
            writers.stop();
            deliveries.awaitAll(database, SOON);
        } finally {
            old.forEach(TestRelay::close);
        }
        DeliveryCheck check = deliveries.check(database);
        System.out.printf(
                "shards changed: seed %d, delivered %d, repeated %d%n", seed, check.delivered(), check.repeated());
        assertThat(check).matches(DeliveryCheck::isAtLeastOnceInOrder, "nothing lost, in order");
    }

    @Test
    void parkedEventsAndAPauseMoveAlong() {
        insert("a", "b", "c", "d", "e", "f", "a", "b", "c", "d", "e", "f");
        try (TestRelay relay = TestRelay.with(database, new Split(4) {
            @Override
            public Mono<Void> handle(Event event) {
                return Mono.error(new UndeliverableException("no such mailbox"));
            }
        })) {
            Deliveries.await(
                    () -> database.number("select count(*) from outbox.parked") == 12, SOON, "the parked events");
            Deliveries.await(
                    () -> database.number("select count(distinct subscription) from outbox.checkpoint"
                                    + " where greatest(high, last) >= (select max(id) from outbox.event)")
                            == 4,
                    SOON,
                    "all shards at the end of the log, so that their meet is there");
        }
        database.execute("update outbox.subscription set paused_at = now(), paused_by = 'test'");
        try (TestRelay relay = relay(2)) {
            Deliveries.await(() -> inForce().equals("mail.1-of-2 mail.2-of-2"), SOON, "two shards in force");
            assertThat(
                            database.number(
                                    "select count(*) from outbox.parked where subscription = 'mail.' || outbox.shard(aggregate_type, key, 2) || '-of-2'"))
                    .isEqualTo(12);
            assertThat(database.number("select count(paused_at) from outbox.subscription where retired_at is null"))
                    .isEqualTo(2);
            for (String name : names(2)) {
                relay.ask(name, Action.Name.RETRY, Arguments.NONE);
                relay.ask(name, Action.Name.RESUME, Arguments.NONE);
            }
            deliveries.awaitAll(database, SOON);
        }
        assertThat(deliveries.check(database)).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
    }

    @Test
    void aReplayOfAKeyOrATypeIsOfTheShardThatIsAsked() {
        insert("a", "b", "c", "d", "a", "b", "c", "d");
        try (TestRelay relay = relay(2)) {
            deliveries.awaitAll(database, SOON);
            long shardOfA = database.number("select outbox.shard('thing', 'a', 2)");
            long other = 3 - shardOfA;
            assertThat(replayed(relay, other, new Arguments(null, null, "a", null, null, null)))
                    .isZero();
            assertThat(replayed(relay, shardOfA, new Arguments(null, null, "a", null, null, null)))
                    .isEqualTo(2);
            Deliveries.await(() -> deliveries.count() == 10, SOON, "the events of a again");
            long ofOther = database.number(
                    "select count(*) from outbox.event where outbox.shard(aggregate_type, aggregate_id, 2) = " + other);
            assertThat(ofOther).isBetween(1L, 6L);
            assertThat(replayed(relay, other, new Arguments(null, null, null, "thing.made", null, null)))
                    .isEqualTo(ofOther);
            Deliveries.await(() -> deliveries.count() == 10 + ofOther, SOON, "the events of the other shard again");
        }
    }

    /** How many events it parked, when it has been applied. */
    private long replayed(TestRelay relay, long shard, Arguments arguments) {
        long action = relay.ask("mail." + shard + "-of-2", Action.Name.REPLAY, arguments);
        TestRelay.awaitApplied(database, action);
        return database.number("select result ->> 'events' from outbox.action where id = " + action);
    }

    /** It led while the others waited for it to end; it comes back when they have gone on. */
    @Test
    void anInstanceOfTheOldNumberThatWasCutOffDeliversNothingMore() throws Exception {
        Deliveries late = new Deliveries("mail");
        try (Door door = new Door(database);
                TestRelay old = TestRelay.through(
                        TestConnections.to(new TestDatabase("localhost", door.port(), database.name())), late)) {
            insert("a");
            Deliveries.await(() -> late.count() == 1, SOON, "the first event");
            try (TestRelay relay = relay(2)) {
                door.freeze();
                Deliveries.await(() -> inForce().equals("mail.1-of-2 mail.2-of-2"), SOON, "two shards in force");
                door.open();
                Deliveries.await(() -> old.relay.leads().contains("mail"), SOON, "the old instance");
                for (int i = 0; i < 20; i++) {
                    insert("a", "b", "c");
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
                }
                Deliveries.await(() -> deliveries.count() >= 60, SOON, "the later events");
            }
            assertThat(late.count()).isEqualTo(1);
        }
    }

    @Test
    void effectsInTheTransactionAreNotRepeatedAndAChangeThatWouldIsRefused() {
        database.execute("create table effect (number bigint generated always as identity, event_id bigint, key text)");
        insert("a", "b", "c", "d");
        try (TestRelay relay = TestRelay.with(database, new Effect(1))) {
            awaitEffects(4);
        }
        try (TestRelay relay = TestRelay.with(database, new Effect(2))) {
            insert("a", "b", "c", "d");
            awaitEffects(8);
            TestRelay.awaitApplied(database, relay.ask("effect.1-of-2", Action.Name.PAUSE, Arguments.NONE));
            insert("a", "b", "c", "d", "e", "f", "g", "h");
            Deliveries.await(
                    () -> database.number(
                                    "select count(*) from outbox.event where outbox.shard(aggregate_type, aggregate_id, 2) = 2")
                            == database.number("select count(*) from effect where outbox.shard('thing', key, 2) = 2"),
                    SOON,
                    "the effects of the second shard");
        }
        assertThatThrownBy(this::claimWhole)
                .isInstanceOf(OtherShardsException.class)
                .hasMessageContaining("effects that are there would be repeated");
        try (TestRelay relay = TestRelay.with(database, new Effect(2))) {
            database.execute("update outbox.subscription set paused_at = null, paused_by = null");
            awaitEffects(16);
        }
        assertThat(claimWhole().subscription()).isEqualTo("effect");
        try (TestRelay relay = TestRelay.with(database, new Effect(1))) {
            insert("a", "b", "c", "d");
            awaitEffects(20);
        }
        assertThat(DeliveryCheck.of(
                        Deliveries.committed(database),
                        Deliveries.items(database, "select event_id, key from effect order by number")))
                .matches(DeliveryCheck::isOnceInOrder, "each effect once, in order");
    }

    private Checkpoint claimWhole() {
        Claims claims = TestLog.claims(new Database(database.pool(2), Duration.ofSeconds(5)));
        return claims.claim("effect", "transactional", Wanted.ALL, "test").block(SOON);
    }

    private TestRelay relay(int shards) {
        return TestRelay.with(database, List.of(new Split(shards)), List.of());
    }

    private static List<String> names(int shards) {
        List<String> names = new ArrayList<>();
        for (int shard = 1; shard <= shards; shard++) {
            names.add(new Wanted(Set.of(), shard, shards).name("mail"));
        }
        return names;
    }

    private String inForce() {
        return database.value("select coalesce(string_agg(name, ' ' order by shard), '') from outbox.subscription"
                + " where retired_at is null");
    }

    private void awaitMore(int count) {
        int before = deliveries.count();
        Deliveries.await(() -> deliveries.count() >= before + count, SOON, count + " more deliveries");
    }

    private void awaitEffects(int count) {
        Deliveries.await(() -> database.number("select count(*) from effect") == count, SOON, count + " effects");
    }

    private void insert(String... keys) {
        for (String key : keys) {
            database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                    + " values ('thing', '" + key + "', 'thing.made', '{}')");
        }
    }

    /** Notes in {@link #deliveries} what comes. */
    private class Split implements Handler {

        private final int shards;

        Split(int shards) {
            this.shards = shards;
        }

        @Override
        public String name() {
            return deliveries.name();
        }

        @Override
        public Set<String> types() {
            return deliveries.types();
        }

        @Override
        public Mono<Void> handle(Event event) {
            return deliveries.handle(event);
        }

        @Override
        public int shards() {
            return shards;
        }
    }

    private record Effect(int shards) implements TransactionalHandler {

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
                    .then();
        }
    }
}
