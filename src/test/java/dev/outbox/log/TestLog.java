package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.TestDatabase;
import dev.outbox.database.Connections;
import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** Makes the log for tests of other packages. */
public final class TestLog {

    private TestLog() {}

    public static ConnectionPool pool(Connections connections) {
        return new LogConfiguration().logReaderPool(connections);
    }

    /** Of sessions that read the log. */
    public static Map<String, String> readerSettings() {
        return LogConfiguration.READER_SETTINGS;
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

    /** As behind a pooler, which lets what is asked wait until the server is there again. */
    public static EventLog behindAPooler(Database database) {
        return new EventLog(database) {
            @Override
            public Mono<Page> page(Position from, int limit, Wanted wanted, long barrier) {
                return untilItAnswers(super.page(from, limit, wanted, barrier));
            }

            @Override
            public Mono<String> snapshot() {
                return untilItAnswers(super.snapshot());
            }
        };
    }

    /** A twin whose positions remember nothing of the server; behind a pooler too. */
    public static EventLog withoutHistory(Database database) {
        return new EventLog(database) {
            @Override
            public Mono<Page> page(Position from, int limit, Wanted wanted, long barrier) {
                return untilItAnswers(super.page(from.on(null), limit, wanted, barrier))
                        .map(page -> new Page(
                                page.events(),
                                page.size(),
                                page.settled(),
                                page.before().on(null),
                                page.after().on(null)));
            }

            @Override
            public Mono<String> snapshot() {
                return untilItAnswers(super.snapshot());
            }
        };
    }

    /** A twin that takes each page as it comes, whatever its plan was made of. */
    public static EventLog withoutPartitionList(Database database) {
        return new EventLog(database, 4 * 1024 * 1024, new PartitionList() {
            @Override
            <T> Mono<T> unchanged(Supplier<Mono<T>> read, Function<T, @Nullable String> seen) {
                return read.get();
            }
        });
    }

    private static <T> Mono<T> untilItAnswers(Mono<T> asked) {
        return asked.retryWhen(Retry.fixedDelay(1_000, Duration.ofMillis(20))
                .filter(error -> error instanceof DatabaseUnavailableException));
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

    /** What {@link #event(long, String)} is of. */
    public static Aggregate aggregate(String key) {
        return new Aggregate("thing", key);
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

    /** What whoever stores it meets when another instance has gone on. */
    public static StaleLeaderException staleLeader(Checkpoint checkpoint) {
        return new StaleLeaderException(checkpoint, null);
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
    public static void register(TestDatabase database, String subscription) {
        database.execute("insert into outbox.subscription (name, kind, types) values ('" + subscription
                + "', 'handler', '{}') on conflict (name) do nothing");
    }

    public static Actions actions(Database database) {
        return new Actions(database, database);
    }

    public static DesiredStates desiredStates(Database database) {
        return new DesiredStates(database);
    }

    public static Replays replays(Database database) {
        return new Replays(database);
    }
}
