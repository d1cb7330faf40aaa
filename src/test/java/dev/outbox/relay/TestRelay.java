package dev.outbox.relay;

import static java.util.Objects.requireNonNull;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.database.Connections;
import dev.outbox.database.Database;
import dev.outbox.database.TestConnections;
import dev.outbox.dispatch.HandlerSubscription;
import dev.outbox.dispatch.Ledger;
import dev.outbox.dispatch.Subscription;
import dev.outbox.dispatch.TransactionalSubscription;
import dev.outbox.handler.Handler;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Action;
import dev.outbox.log.Actions;
import dev.outbox.log.Arguments;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.EventLog;
import dev.outbox.log.ParkedActions;
import dev.outbox.log.TestLog;
import dev.outbox.tail.Listener;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** A relay on a test database, with the handlers of a test and the application's own connections. */
final class TestRelay implements AutoCloseable {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration UNITS_WITHIN = Duration.ofSeconds(20);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    /** With a safety poll so slow that a lost ring shows. */
    private static final RelaySettings SLEEPY = new RelaySettings(Duration.ofSeconds(60), STOP_WITHIN);

    private static final RelaySettings USUAL = new RelaySettings(Duration.ofSeconds(1), STOP_WITHIN);

    final Relay relay;
    final EventLog log;
    final Checkpoints checkpoints;
    final Actions actions;
    final ConnectionPool relayPool;
    private final ConnectionPool transactionsPool;
    final ConnectionPool logPool;

    private TestRelay(
            Connections connections,
            Function<Database, EventLog> eventLog,
            RelaySettings settings,
            List<Handler> handlers,
            List<TransactionalHandler> transactional) {
        this(connections, eventLog, settings, handlers, transactional, UnaryOperator.identity(), UNITS_WITHIN);
    }

    /**
     * @param batches what the batches of transactional handlers get their connections from, made of what all have
     * @param within how long a transactional handler may take
     */
    private TestRelay(
            Connections connections,
            Function<Database, EventLog> eventLog,
            RelaySettings settings,
            List<Handler> handlers,
            List<TransactionalHandler> transactional,
            UnaryOperator<ConnectionFactory> batches,
            Duration within) {
        relayPool = new RelayConfiguration().relayPool(connections);
        transactionsPool = RelayConfiguration.transactionsPool(
                connections,
                transactional.stream()
                        .mapToInt(handler -> Math.max(1, handler.shards()))
                        .sum());
        logPool = TestLog.pool(connections);
        Database units = new Database(relayPool, UNITS_WITHIN);
        Database logUnits = new Database(logPool, UNITS_WITHIN);
        log = eventLog.apply(logUnits);
        checkpoints = TestLog.checkpoints(units);
        actions = TestLog.actions(units);
        String instance = "test-" + UUID.randomUUID();
        Ledger ledger = new Ledger(units, checkpoints, TestLog.parkedEvents(units), TestLog.runStates(units), instance);
        List<Subscription> subscriptions = new ArrayList<>();
        handlers.forEach(handler -> HandlerSubscription.of(handler, log, ledger).forEach(subscriptions::add));
        transactional.forEach(handler -> TransactionalSubscription.of(
                        handler, within, new Database(batches.apply(transactionsPool), UNITS_WITHIN), log, ledger)
                .forEach(subscriptions::add));
        relay = new Relay(
                Listener.connections(connections),
                log,
                TestLog.claims(units),
                new ActionApplier(
                        units,
                        checkpoints,
                        actions,
                        TestLog.desiredStates(units),
                        new ParkedActions(),
                        TestLog.replays(logUnits)),
                TestLog.runStates(units),
                subscriptions,
                settings,
                instance);
        relay.start();
    }

    static TestRelay with(TestDatabase database, Handler... handlers) {
        return with(database, TestLog::eventLog, handlers);
    }

    static TestRelay with(TestDatabase database, Function<Database, EventLog> eventLog, Handler... handlers) {
        return new TestRelay(TestConnections.to(database), eventLog, SLEEPY, List.of(handlers), List.of());
    }

    static TestRelay with(TestDatabase database, TransactionalHandler... handlers) {
        return new TestRelay(TestConnections.to(database), TestLog::eventLog, SLEEPY, List.of(), List.of(handlers));
    }

    /** With batches that get their connections from what the function makes of the pool. */
    static TestRelay with(
            TestDatabase database, UnaryOperator<ConnectionFactory> batches, TransactionalHandler... handlers) {
        return new TestRelay(
                TestConnections.to(database),
                TestLog::eventLog,
                USUAL,
                List.of(),
                List.of(handlers),
                batches,
                UNITS_WITHIN);
    }

    /** With handlers that may take so long. */
    static TestRelay giving(Duration within, TestDatabase database, TransactionalHandler... handlers) {
        return new TestRelay(
                TestConnections.to(database),
                TestLog::eventLog,
                USUAL,
                List.of(),
                List.of(handlers),
                UnaryOperator.identity(),
                within);
    }

    /** As the application runs it. */
    static TestRelay with(TestDatabase database, List<Handler> handlers, List<TransactionalHandler> transactional) {
        return new TestRelay(TestConnections.to(database), TestLog::eventLog, USUAL, handlers, transactional);
    }

    /** As the application runs it, but for how long a stop or an operator waits for what is in flight. */
    static TestRelay stoppingWithin(
            Duration deadline,
            TestDatabase database,
            List<Handler> handlers,
            List<TransactionalHandler> transactional) {
        return through(TestConnections.to(database), deadline, handlers, transactional);
    }

    static TestRelay through(Connections connections, Handler... handlers) {
        return new TestRelay(connections, TestLog::eventLog, USUAL, List.of(handlers), List.of());
    }

    /** The same, through connections of the test. */
    static TestRelay through(
            Connections connections,
            Duration deadline,
            List<Handler> handlers,
            List<TransactionalHandler> transactional) {
        return new TestRelay(
                connections,
                TestLog::eventLog,
                new RelaySettings(Duration.ofSeconds(1), deadline),
                handlers,
                transactional);
    }

    /** Asks what an operator would. @return the id of the action */
    long ask(String subscription, Action.Name name, Arguments arguments) {
        return requireNonNull(actions.ask(subscription, name, arguments, null, "test", null)
                        .block(SOON))
                .id();
    }

    /** Waits until an action has been applied. */
    static void awaitApplied(TestDatabase database, long action) {
        Deliveries.await(
                () -> database.number("select count(applied_at) from outbox.action where id = " + action) == 1,
                SOON.multipliedBy(3),
                "action " + action);
    }

    /**
     * Ends it as kill -9 would: nothing of it reaches the database any more. Only for one whose connections go through that door; what its
     * handlers do outside the database is the test's to disregard.
     */
    void crash(Door door) {
        door.shut();
        close();
        door.close();
    }

    /** Stops it. @return how long that took */
    Duration timedStop() {
        long began = System.nanoTime();
        stop();
        return Duration.ofNanos(System.nanoTime() - began);
    }

    void stop() {
        CountDownLatch stopped = new CountDownLatch(1);
        relay.stop(stopped::countDown);
        try {
            if (!stopped.await(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("The relay did not stop");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        stop();
        dispose(relayPool);
        dispose(transactionsPool);
        dispose(logPool);
    }

    /** Saying goodbye on a connection that is gone is an error of the driver, and no matter. */
    private static void dispose(ConnectionPool pool) {
        pool.disposeLater().onErrorComplete().block(SOON);
    }
}
