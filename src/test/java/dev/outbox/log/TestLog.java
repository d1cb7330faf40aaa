package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.TestDatabase;
import dev.outbox.database.Connections;
import dev.outbox.database.Database;
import io.r2dbc.pool.ConnectionPool;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import reactor.core.publisher.Mono;

/** Makes the log for tests of other packages. */
public final class TestLog {

    private TestLog() {}

    public static ConnectionPool pool(Connections connections) {
        return new LogConfiguration().logReaderPool(connections);
    }

    public static EventLog eventLog(Database database) {
        return new EventLog(database);
    }

    /** A twin that takes the end of a snapshot for the barrier, as if no transaction could be running above it. */
    public static EventLog settlingByTheSnapshot(Database database) {
        return new EventLog(database) {
            @Override
            public Mono<Long> barrier() {
                return database.query(
                                row -> requireNonNull(row.get("xmax", Long.class)),
                                "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax where $1",
                                true)
                        .map(rows -> rows.get(0));
            }
        };
    }

    /** Each page is held back, when it has been read, as long as the gate says. */
    public static EventLog heldBack(Database database, Function<Page, Mono<?>> gate) {
        return new EventLog(database) {
            @Override
            public Mono<Page> page(Position from, int limit, Wanted wanted, long barrier) {
                return super.page(from, limit, wanted, barrier).delayUntil(gate);
            }
        };
    }

    /** Fails when a barrier is drawn for the first time. */
    public static EventLog failingToDraw(Database database, AtomicInteger draws) {
        return new EventLog(database) {
            @Override
            public Mono<Long> barrier() {
                return draws.incrementAndGet() > 1 ? super.barrier() : Mono.error(new IllegalStateException("away"));
            }
        };
    }

    public static Event event(long id, String key) {
        return new Event(id, "thing", key, "thing.made", Instant.EPOCH, "{}", null);
    }

    /** A page that ends a window; it holds these events. */
    public static Page page(Event... events) {
        Position after = events.length == 0
                ? new Position(new Snapshot("5:5:"), 5, 5, null, 0, null)
                : new Position(new Snapshot("5:5:"), 5, events[events.length - 1].id(), null, 0, null);
        return new Page(List.of(events), Math.max(1, events.length), true, Position.BEGINNING, after);
    }

    public static ParkedEvents parkedEvents(Database database) {
        return new ParkedEvents(database);
    }

    public static RunStates runStates(Database database) {
        return new RunStates(database);
    }

    public static Checkpoints checkpoints(Database database) {
        return new Checkpoints(database);
    }

    /** Stores a checkpoint as its leader does, the first as a claim does. */
    public static Mono<Checkpoint> store(Database database, Checkpoint checkpoint) {
        Checkpoints checkpoints = new Checkpoints(database);
        return checkpoint.generation() > 0
                ? checkpoints.append(checkpoint, "test").thenReturn(checkpoint)
                : database.inTransaction(connection ->
                        checkpoints.begin(connection, checkpoint.subscription(), checkpoint.position(), "test"));
    }

    public static Claims claims(Database database) {
        return new Claims(database, new Checkpoints(database));
    }

    /** Makes a subscription known. */
    static void register(TestDatabase database, String subscription) {
        database.execute("insert into outbox.subscription (name, kind, types) values ('" + subscription
                + "', 'handler', '{}') on conflict (name) do nothing");
    }

    public static Actions actions(Database database) {
        return new Actions(database, database);
    }

    public static Controls controls(Database database) {
        return new Controls(database);
    }

    public static Replays replays(Database database) {
        return new Replays(database);
    }
}
