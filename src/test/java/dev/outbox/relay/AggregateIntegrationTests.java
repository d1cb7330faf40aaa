package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/**
 * What is ordered and held is type and id together: the parcel 17 has nothing to do with the order 17. An engine that went by the id
 * alone let one wait for the other.
 */
@Timeout(60)
class AggregateIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestDatabase database = TestDatabase.fresh();
    private final AtomicBoolean bad = new AtomicBoolean(true);
    private final List<String> told = new CopyOnWriteArrayList<>();

    @Test
    void aParcelThatFailsHoldsBackNoOrderOfTheSameId() {
        try (TestRelay relay = TestRelay.with(database, new Telling())) {
            write("parcel 17", "order 17", "parcel 17");
            Deliveries.await(() -> told.contains("order 17"), SOON, "the order");
            awaitParked("dead", 1);
            awaitParked("blocked", 1);
            write("order 17", "parcel 17");
            Deliveries.await(() -> told.size() == 2, SOON, "the order again");
            awaitParked("blocked", 2);
        }
        assertThat(told).containsExactly("order 17", "order 17");
    }

    @Test
    void inTransactionsToo() {
        Effects.createTable(database);
        Effects effects = new Effects(
                RetryPolicy.DEFAULT.withAttempts(1),
                events ->
                        events.stream().anyMatch(event -> event.aggregateType().equals("parcel"))
                                ? Mono.error(new UndeliverableException("no"))
                                : Mono.empty());
        try (TestRelay relay = TestRelay.with(database, effects)) {
            write("parcel 17", "order 17", "parcel 17", "order 17");
            Deliveries.await(() -> Effects.count(database, "true") == 2, SOON, "the order");
            awaitParked("dead", 1);
            awaitParked("blocked", 1);
        }
        assertThat(Effects.of(database, "true")).isEqualTo("2:17 4:17");
    }

    @Test
    void anIdAloneIsRefusedWhereSeveralKindsAreParkedAndTheKindSaysWhich() {
        try (TestRelay relay = TestRelay.with(database, new Telling() {
            @Override
            public Mono<Void> handle(Event event) {
                return bad.get() ? Mono.error(new UndeliverableException("no")) : super.handle(event);
            }
        })) {
            write("parcel 17", "order 17", "parcel 18");
            awaitParked("dead", 3);
            assertThat(result(relay, Action.Name.RETRY, key(null, "17")))
                    .contains("order, parcel", "\"aggregateTypes\": [\"order\", \"parcel\"]");
            assertThat(result(relay, Action.Name.DISCARD, key(null, "17"))).contains("aggregateTypes");
            awaitParked("dead", 3);
            bad.set(false);
            assertThat(result(relay, Action.Name.RETRY, key(null, "18"))).isEqualTo("{\"events\": 1}");
            assertThat(result(relay, Action.Name.DISCARD, key("parcel", "17"))).contains("\"events\": 1");
            assertThat(result(relay, Action.Name.RETRY, key("order", "17"))).isEqualTo("{\"events\": 1}");
            Deliveries.await(() -> told.size() == 2, SOON, "what was tried again");
            assertThat(result(relay, Action.Name.REPLAY, key(null, "17"))).contains("aggregateTypes");
            assertThat(result(relay, Action.Name.REPLAY, key("parcel", "17"))).isEqualTo("{\"events\": 1}");
            Deliveries.await(() -> told.size() == 3, SOON, "the replay");
        }
        assertThat(told).containsExactly("parcel 18", "order 17", "parcel 17");
    }

    /** An instance of an older version, of a deployment that is under way. */
    @Test
    void whatIsParkedWithoutATypeGetsThatOfTheLog() {
        write("parcel 17");
        database.execute("insert into outbox.subscription (name, kind, types) values ('old', 'handler', '{}')");
        database.execute("insert into outbox.parked (subscription, event_id, key, state, attempts)"
                + " values ('old', 1, '17', 'dead', 1), ('old', 5, '5', 'dead', 1)");
        assertThat(database.value("select string_agg(aggregate_type, ' ' order by event_id) from outbox.parked"))
                .isEqualTo("parcel ");
    }

    /** The old instance goes on until it ends; then all of what it left is done, and it can't come back. */
    @Test
    void shardsByTheKeyAloneAreFollowedWhenNobodyRunsThemAndNotTheOtherWayRound() throws SQLException {
        write("order 1", "order 2", "parcel 1", "parcel 2", "order 3", "order 4");
        oldShards();
        parkInItsOldShard(3);
        bad.set(false);
        try (Connection old = database.connect();
                Statement lock = old.createStatement()) {
            lock.execute("select pg_advisory_lock(hashtextextended('told.1of2', 11312))");
            try (TestRelay relay = TestRelay.with(database, new Telling().inShards(2))) {
                Deliveries.await(() -> relay.relay.leads().size() == 2, SOON, "the new instance");
                write("order 5");
                assertThat(inForce()).isEqualTo("told.1of2 told.2of2");
                assertThat(told).isEmpty();
                old.close();
                Deliveries.await(() -> inForce().equals("told.1-of-2 told.2-of-2"), SOON, "the new shards");
                Deliveries.await(() -> told.size() >= 7, SOON, "all events");
            }
        }
        assertThat(told).hasSize(7).doesNotHaveDuplicates();
        assertThat(database.number("select count(*) from outbox.parked")).isZero();
        assertThatThrownBy(() ->
                        database.execute("update outbox.subscription set retired_at = null where name = 'told.1of2'"))
                .hasStackTraceContaining("by type and key");
        assertThatThrownBy(() -> database.execute(
                        "insert into outbox.subscription (name, kind, types) values ('told.1of3', 'handler', '{}')"))
                .hasStackTraceContaining("by type and key");
    }

    /** As a version before left them: at the beginning of the log. */
    private void oldShards() {
        database.execute("set session_replication_role = replica;"
                + " insert into outbox.subscription (name, kind, types)"
                + " values ('told.1of2', 'handler', '{}'), ('told.2of2', 'handler', '{}');"
                + " set session_replication_role = origin");
        database.execute("insert into outbox.checkpoint"
                + " (subscription, generation, done, barrier, high, last, system_identifier, instance)"
                + " select name, 0, '1:1:', '1', 0, 0, system_identifier, 'old'"
                + " from outbox.subscription, pg_control_system()");
    }

    /** One that came before the position had passed it. */
    private void parkInItsOldShard(long event) {
        database.execute("insert into outbox.parked (subscription, event_id, key, state, attempts, next_attempt_at)"
                + " select 'told.' || outbox.shard(aggregate_id, 2) || 'of2', id, aggregate_id, 'retrying', 1, now()"
                + " from outbox.event where id = " + event);
    }

    private String inForce() {
        return database.value(
                "select string_agg(name, ' ' order by name) from outbox.subscription" + " where retired_at is null");
    }

    private String result(TestRelay relay, Action.Name name, Arguments arguments) {
        long action = relay.ask(Telling.NAME, name, arguments);
        TestRelay.awaitApplied(database, action);
        return database.value("select (result - 'ids')::text from outbox.action where id = " + action);
    }

    private static Arguments key(String aggregateType, String key) {
        return new Arguments(null, aggregateType, key, null, null, null);
    }

    private void awaitParked(String state, int count) {
        Deliveries.await(
                () -> database.number("select count(*) from outbox.parked where state = '" + state + "'") == count,
                SOON,
                count + " " + state);
    }

    private void write(String... things) {
        for (String thing : things) {
            String[] typeAndId = thing.split(" ", 2);
            database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('"
                    + typeAndId[0] + "', '" + typeAndId[1] + "', 'made', '{}')");
        }
    }

    /** Parcels fail while it is bad. */
    private class Telling implements Handler {

        private static final String NAME = "told";

        private int shards = 1;

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public int shards() {
            return shards;
        }

        Telling inShards(int count) {
            shards = count;
            return this;
        }

        @Override
        public Mono<Void> handle(Event event) {
            if (bad.get() && event.aggregateType().equals("parcel")) {
                return Mono.error(new UndeliverableException("no"));
            }
            told.add(event.aggregateType() + " " + event.key());
            return Mono.empty();
        }
    }
}
