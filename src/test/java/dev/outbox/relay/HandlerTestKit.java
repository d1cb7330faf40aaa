package dev.outbox.relay;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Lets a handler's author see what becomes of its effects when things go wrong. The handler runs in a real relay on a real PostgreSQL;
 * each fault strikes each event once. The author then asserts on the effects: a handler for which each event counts once although
 * it is tried several times stands it.
 */
public final class HandlerTestKit {

    /** What goes wrong. */
    public enum Fault {
        /** The process dies after the effect and before its checkpoint is stored; the next one begins at the last checkpoint. */
        CRASH,
        /** The attempt fails before the handler is asked. */
        FAIL_BEFORE_EFFECT,
        /** The attempt fails although the handler has done its part. */
        FAIL_AFTER_EFFECT,
        /** The event comes twice in a row. Not for transactional handlers, whose events do not. */
        REPEAT,
        /** The attempt takes 100 ms longer. */
        SLOW
    }

    private static final RetryPolicy QUICK =
            RetryPolicy.DEFAULT.withDelays(Duration.ofMillis(10), 2, Duration.ofMillis(100), 0.5);

    private final TestDatabase database;
    private final Duration within;
    private final Set<String> struck = ConcurrentHashMap.newKeySet();

    /** With a minute for each {@link #deliver}. */
    public HandlerTestKit(TestDatabase database) {
        this(database, Duration.ofMinutes(1));
    }

    /** @param within how long {@link #deliver} may take */
    public HandlerTestKit(TestDatabase database, Duration within) {
        this.database = database;
        this.within = within;
    }

    /** Writes an event into the log, committed. */
    public void publish(String aggregateType, String key, String type, String payload) {
        String sql =
                "insert into outbox.event (aggregate_type, aggregate_id, type, payload) values (?, ?, ?, ?::jsonb)";
        try (Connection connection = database.connect();
                PreparedStatement insert = connection.prepareStatement(sql)) {
            insert.setString(1, aggregateType);
            insert.setString(2, key);
            insert.setString(3, type);
            insert.setString(4, payload);
            insert.execute();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Delivers all events that were published, with these faults; returns when each is done, fails if that takes too long. */
    public void deliver(Handler handler, Fault... faults) {
        try (TestRelay relay = TestRelay.with(database, new Faulty(handler, Set.of(faults)))) {
            awaitDone(handler.name());
        }
    }

    /** The same for a transactional handler. */
    public void deliver(TransactionalHandler handler, Fault... faults) {
        try (TestRelay relay = TestRelay.with(database, new FaultyTransactional(handler, Set.of(faults)))) {
            awaitDone(handler.name());
        }
    }

    private void awaitDone(String subscription) {
        String sql = """
                select (select count(*) from outbox.parked where subscription = '%1$s')
                    + (select count(*) from outbox.event) - coalesce((
                        select case when target is null then (select count(*) from outbox.event where id <= high) end
                        from outbox.checkpoint where subscription = '%1$s' order by generation desc limit 1), 0)
                """.formatted(subscription);
        Deliveries.await(() -> database.number(sql) == 0, within, "the end of all deliveries to " + subscription);
    }

    private boolean strikes(Set<Fault> faults, Fault fault, Event event) {
        return faults.contains(fault) && struck.add(fault + " " + event.id());
    }

    private boolean strikes(Set<Fault> faults, Fault fault, List<Event> events) {
        return strikes(faults, fault, events.get(0));
    }

    /** As a crash does: the session is gone, nothing is stored, and the attempt is heard of no more. */
    private Mono<Void> crash() {
        return Mono.<Void>fromRunnable(() -> database.execute("""
                        select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and application_name = 'outbox listener'
                        """))
                .subscribeOn(Schedulers.boundedElastic())
                .then(Mono.never());
    }

    private static <T> Mono<T> failure() {
        return Mono.error(new IllegalStateException("a fault of the test kit"));
    }

    private final class Faulty implements Handler {

        private final Handler handler;
        private final Set<Fault> faults;

        Faulty(Handler handler, Set<Fault> faults) {
            this.handler = handler;
            this.faults = faults;
        }

        @Override
        public String name() {
            return handler.name();
        }

        @Override
        public Set<String> types() {
            return handler.types();
        }

        @Override
        public int concurrency() {
            return handler.concurrency();
        }

        @Override
        public boolean ordered() {
            return handler.ordered();
        }

        @Override
        public RetryPolicy retryPolicy() {
            return QUICK.withFinal(handler.retryPolicy().isFinal());
        }

        @Override
        public Mono<Void> handle(Event event) {
            if (strikes(faults, Fault.FAIL_BEFORE_EFFECT, event)) {
                return failure();
            }
            Mono<Void> effect = Mono.defer(() -> handler.handle(event));
            if (strikes(faults, Fault.SLOW, event)) {
                effect = effect.delaySubscription(Duration.ofMillis(100));
            }
            if (strikes(faults, Fault.REPEAT, event)) {
                effect = effect.then(Mono.defer(() -> handler.handle(event)));
            }
            if (strikes(faults, Fault.FAIL_AFTER_EFFECT, event)) {
                return effect.then(failure());
            }
            return strikes(faults, Fault.CRASH, event) ? effect.then(crash()) : effect;
        }
    }

    private final class FaultyTransactional implements TransactionalHandler {

        private final TransactionalHandler handler;
        private final Set<Fault> faults;

        FaultyTransactional(TransactionalHandler handler, Set<Fault> faults) {
            this.handler = handler;
            this.faults = faults;
        }

        @Override
        public String name() {
            return handler.name();
        }

        @Override
        public Set<String> types() {
            return handler.types();
        }

        @Override
        public RetryPolicy retryPolicy() {
            return QUICK.withFinal(handler.retryPolicy().isFinal());
        }

        @Override
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            if (strikes(faults, Fault.FAIL_BEFORE_EFFECT, events)) {
                return failure();
            }
            Mono<Void> effect = Mono.defer(() -> handler.handle(events, connection));
            if (strikes(faults, Fault.SLOW, events)) {
                effect = effect.delaySubscription(Duration.ofMillis(100));
            }
            if (strikes(faults, Fault.FAIL_AFTER_EFFECT, events)) {
                return effect.then(failure());
            }
            return strikes(faults, Fault.CRASH, events)
                    ? effect.then(Database.update(connection, "select pg_terminate_backend(pg_backend_pid())"))
                            .then()
                    : effect;
        }
    }
}
