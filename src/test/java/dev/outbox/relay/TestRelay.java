package dev.outbox.relay;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.EventLog;
import dev.outbox.log.TestLog;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A relay on a test database, with the handlers of a test. */
final class TestRelay implements AutoCloseable {

    final Relay relay;
    final EventLog log;
    final Checkpoints checkpoints;
    private final ConnectionPool pool;

    private TestRelay(
            TestDatabase database,
            Function<Database, EventLog> eventLog,
            Duration safetyPoll,
            List<Handler> handlers,
            List<TransactionalHandler> transactional) {
        pool = database.pool(8);
        Database connections = new Database(pool, Duration.ofSeconds(20));
        log = eventLog.apply(connections);
        checkpoints = TestLog.checkpoints(connections);
        String instance = "test-" + UUID.randomUUID();
        List<Subscription> subscriptions = new ArrayList<>();
        handlers.forEach(handler -> subscriptions.add(new HandlerSubscription(handler, checkpoints, instance)));
        transactional.forEach(handler ->
                subscriptions.add(new TransactionalSubscription(handler, connections, checkpoints, instance)));
        relay = new Relay(
                database.connections(),
                log,
                checkpoints,
                subscriptions,
                new RelaySettings(safetyPoll, Duration.ofSeconds(5)),
                instance);
        relay.start();
    }

    /** With a safety poll so slow that a lost ring shows. */
    static TestRelay with(TestDatabase database, Handler... handlers) {
        return with(database, TestLog::eventLog, handlers);
    }

    static TestRelay with(TestDatabase database, Function<Database, EventLog> eventLog, Handler... handlers) {
        return new TestRelay(database, eventLog, Duration.ofSeconds(60), List.of(handlers), List.of());
    }

    static TestRelay with(TestDatabase database, TransactionalHandler... handlers) {
        return new TestRelay(database, TestLog::eventLog, Duration.ofSeconds(60), List.of(), List.of(handlers));
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
        pool.dispose();
    }
}
