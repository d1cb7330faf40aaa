package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.R2dbcTransientResourceException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Effect and checkpoint commit together: whatever ends an attempt, the effect happens once. */
class TransactionalHandlerIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);
    private static final int PAGES = 5;

    private final TestDatabase database = TestDatabase.fresh();

    /** No key that would refuse a second effect. */
    @BeforeEach
    void createTable() {
        database.execute("create table effect (number bigint generated always as identity, event_id bigint, key text)");
    }

    @Test
    void aHandlerThatWritesAndThenFails() {
        Effect handler = new Effect(connection -> Mono.error(new IllegalStateException("not now")), 3);
        once(database, handler);
        assertThat(handler.attempts.get()).isGreaterThan(3);
    }

    @Test
    void aHandlerWhoseStatementFails() {
        Effect handler = new Effect(
                connection -> Database.update(connection, "select 1 / 0").then(), 3);
        once(database, handler);
        assertThat(handler.attempts.get()).isGreaterThan(3);
    }

    @Test
    void aHandlerThatSwallowsTheFailureOfItsStatement() {
        Effect handler = new Effect(
                connection -> Database.update(connection, "select 1 / 0")
                        .onErrorComplete()
                        .then(),
                3);
        once(database, handler);
        assertThat(handler.attempts.get()).isGreaterThan(3);
    }

    @Test
    void aConnectionThatIsEndedBetweenTheEffectAndTheCommit() {
        Effect handler = new Effect(
                connection -> Database.update(connection, "select pg_terminate_backend(pg_backend_pid())")
                        .onErrorComplete()
                        .then(),
                3);
        once(database, handler);
        assertThat(handler.attempts.get()).isGreaterThan(3);
    }

    @Test
    void aConnectionThatIsLostBeforeTheCommitArrives() {
        try (Door door = new Door(database)) {
            Effect handler = new Effect(connection -> Mono.fromRunnable(door::cutBeforeCommit), 3);
            once(behind(door), handler);
            assertThat(door.cuts()).isEqualTo(3);
            assertThat(handler.attempts.get()).isGreaterThan(3);
        }
    }

    /** The effect is committed, and the relay is not told: it has to look at what is stored. */
    @Test
    void aConnectionThatIsLostAfterTheCommitArrived() {
        try (Door door = new Door(database)) {
            Effect handler = new Effect(connection -> Mono.fromRunnable(door::cutAfterCommit), 3);
            once(behind(door), handler);
            assertThat(door.cuts()).isEqualTo(3);
        }
    }

    /** Tried again in place it would run into its own key for ever: what is not known to have failed is looked up instead. */
    @Test
    void aConnectionThatIsLostAfterTheCommitOfAnEffectWithAKeyArrived() {
        database.execute("alter table effect add primary key (event_id)");
        aConnectionThatIsLostAfterTheCommitArrived();
    }

    /** None was free, so the event ended none: it counted as one that ends its connection, and after three times was dead. */
    @Test
    void aConnectionThatCannotBeHad() {
        AtomicInteger refusals = new AtomicInteger(5);
        AtomicInteger attempts = new AtomicInteger();
        Effects handler = new Effects(
                RetryPolicy.DEFAULT.withAttempts(1), events -> Mono.fromRunnable(attempts::incrementAndGet));
        database.execute("drop table effect");
        Effects.createTable(database);
        TestEvents.write(database, "k");
        try (TestRelay relay = TestRelay.with(database, pool -> refusing(pool, refusals), handler)) {
            Effects.awaitCount(database, 1, SOON.multipliedBy(3));
        }
        assertThat(refusals.get()).isNegative();
        assertThat(attempts).hasValue(1);
        assertThat(database.number("select count(*) from outbox.parked")).isZero();
    }

    private static ConnectionFactory refusing(ConnectionFactory pool, AtomicInteger times) {
        return new ConnectionFactory() {
            @Override
            public Publisher<? extends Connection> create() {
                return Mono.defer(() -> times.getAndDecrement() > 0
                        ? Mono.error(new R2dbcTransientResourceException("none is free"))
                        : Mono.from(pool.create()));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return pool.getMetadata();
            }
        };
    }

    @Test
    void aCheckpointThatAnotherHasStored() {
        Effect handler = new Effect(
                connection ->
                        Mono.<Void>fromRunnable(() -> database.execute("""
                                insert into outbox.checkpoint (subscription, generation, done, barrier, high, target,
                                    target_barrier, target_high, last, system_identifier, instance)
                                select subscription, generation + 1, done, barrier, high, target,
                                    target_barrier, target_high, last, system_identifier, 'another'
                                from outbox.checkpoint where subscription = 'effect' order by generation desc limit 1
                                """)).subscribeOn(Schedulers.boundedElastic()),
                3);
        once(database, handler);
        assertThat(handler.attempts.get()).isGreaterThan(3);
    }

    /** The check would notice: a handler that writes on a connection of its own has effects that the rollback leaves. */
    @Test
    void anEffectOutsideTheTransactionIsSeenTwice() {
        Effect handler = new Effect(connection -> Mono.error(new IllegalStateException("not now")), 1) {
            @Override
            public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
                return Mono.<Void>fromRunnable(() ->
                                events.forEach(event -> database.execute("insert into effect (event_id, key) values ("
                                        + event.id() + ", '" + event.key() + "')")))
                        .subscribeOn(Schedulers.boundedElastic())
                        .then(super.handle(List.of(), connection));
            }
        };
        DeliveryCheck check = run(database, handler);
        assertThat(check.repeated()).isPositive();
    }

    private void once(TestDatabase seenByTheRelay, Effect handler) {
        assertThat(run(seenByTheRelay, handler)).matches(DeliveryCheck::isOnceInOrder, "each once, in order");
    }

    private DeliveryCheck run(TestDatabase seenByTheRelay, Effect handler) {
        try (TestRelay relay = TestRelay.with(seenByTheRelay, handler)) {
            for (int page = 0; page < PAGES; page++) {
                database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                        + " select 'thing', 'key-' || n % 3, 'thing.made', '{}' from generate_series(1, 5) n");
                Deliveries.await(() -> check().lost().isEmpty(), SOON, "every effect");
            }
        }
        return check();
    }

    private DeliveryCheck check() {
        return DeliveryCheck.of(
                Deliveries.committed(database),
                Deliveries.items(database, "select event_id, key from effect order by number"));
    }

    private TestDatabase behind(Door door) {
        return new TestDatabase("localhost", door.port(), database.name());
    }

    /** Writes, and then meets with a fault, the first few times. */
    private static class Effect implements TransactionalHandler {

        final AtomicInteger attempts = new AtomicInteger();
        private final Function<PostgresqlConnection, Mono<Void>> fault;
        private final int faults;

        Effect(Function<PostgresqlConnection, Mono<Void>> fault, int faults) {
            this.fault = fault;
            this.faults = faults;
        }

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
                    .then(Mono.defer(
                            () -> attempts.getAndIncrement() < faults ? fault.apply(connection) : Mono.empty()));
        }
    }
}
