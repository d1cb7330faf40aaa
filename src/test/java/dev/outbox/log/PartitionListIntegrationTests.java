package dev.outbox.log;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/**
 * Sharp: a read has taken the list of partitions and waits for a lock, so that its snapshot is newer. Each read has a session of its own,
 * since in one with a plan the server makes another plan when it has waited.
 */
@Timeout(120)
class PartitionListIntegrationTests {

    private static final String MOVED = " create table outbox.event_10000001 (like outbox.event including all);"
            + " with moved as (delete from outbox.event_default returning *)"
            + " insert into outbox.event_10000001 select * from moved;";

    private static final String ATTACH =
            "alter table outbox.event attach partition outbox.event_10000001 for values from (10000001) to (10000101)";

    private final TestDatabase server = TestDatabase.fresh();
    private final Database database = new Database(server.connections(), Duration.ofSeconds(20));
    private final EventLog log = new EventLog(database);
    private final EventLog twin = TestLog.withoutPartitionList(database);

    @Test
    void aPageLosesNothingWhenOthersMoveStrays() throws Exception {
        assertThat(duringAMove(() -> log.page(Position.BEGINNING, 100, Wanted.ALL, 0))
                        .events())
                .hasSize(15);
    }

    @Test
    void aPageThatDoesNotKnowTheListLosesWhatOthersMove() throws Exception {
        List<Event> found = duringAMove(() -> twin.page(Position.BEGINNING, 100, Wanted.ALL, 0))
                .events();
        System.out.println("a page without the list saw " + found.size() + " of 15 events");
        assertThat(found).hasSize(5);
    }

    @Test
    void theEndOfTheLogIsNotBelowWhatOthersMove() throws Exception {
        assertThat(duringAMove(log::end).high()).isEqualTo(10_000_010);
    }

    @Test
    void theEndIsBelowWhatOthersMoveWithoutTheList() throws Exception {
        assertThat(duringAMove(twin::end).high()).isLessThan(10_000_000);
    }

    @Test
    void oneEventIsFoundWhileOthersMoveIt() throws Exception {
        assertThat(duringAMove(() -> log.event(10_000_003)).id()).isEqualTo(10_000_003);
    }

    @Test
    void someEventsAreFoundWhileOthersMoveOne() throws Exception {
        assertThat(duringAMove(() -> log.events(List.of(10_000_007L, 2L, 77L, 2L))))
                .extracting(Event::id)
                .containsExactly(2L, 10_000_007L);
    }

    @Test
    void theEventsOfAKeyAreFoundWhileOthersMoveThem() throws Exception {
        assertThat(duringAMove(() -> log.ofKey("thing", "moved", 0, 100)).events())
                .hasSize(10);
    }

    @Test
    void oneEventIsNotFoundWithoutTheList() throws Exception {
        assertThat(duringAMove(
                        () -> database.query(row -> 1, "select id from outbox.event where id = $1", 10_000_003L)))
                .isEmpty();
    }

    @Test
    void aReplayHasWhatOthersMove() throws Exception {
        Replays replays = new Replays(database);
        Position here = await(log.page(Position.BEGINNING, 100, Wanted.ALL, 0)).after();
        assertThat(requireNonNull(duringAMove(() -> replays.rewind(here, 1)).target())
                        .high())
                .isEqualTo(10_000_010);
        server.execute(
                "set session_replication_role = replica; alter table outbox.event detach partition outbox.event_10000001; "
                        + "insert into outbox.event_default select * from outbox.event_10000001; drop table outbox.event_10000001");
        Position all = await(log.page(Position.BEGINNING, 100, Wanted.ALL, 0)).after();
        Arguments key = new Arguments(null, null, "moved", null, null, null);
        assertThat(duringAMove(() -> replays.count(all, Wanted.ALL, key, 1, 100)))
                .isEqualTo(10);
    }

    @Test
    void aReplayOfAKeyParksWhatOthersMove() throws Exception {
        TestLog.register(server, "reader");
        Position all = duringAMove(() -> log.page(Position.BEGINNING, 100, Wanted.ALL, 0))
                .after();
        server.execute(
                "set session_replication_role = replica; alter table outbox.event detach partition outbox.event_10000001; "
                        + "insert into outbox.event_default select * from outbox.event_10000001; drop table outbox.event_10000001");
        Arguments key = new Arguments(null, null, "moved", null, null, null);
        String result = duringAMove(() -> database.inTransaction(connection ->
                new ParkedActions().replay(connection, new Checkpoint("reader", 0, all), Wanted.ALL, key, 1, 100)));
        assertThat(result).isEqualTo("{\"events\": 10}");
        assertThat(server.number("select count(*) from outbox.parked")).isEqualTo(10);
    }

    @Test
    void aPageLosesNothingThatIsWrittenToAPartitionThatIsAttachedWhileItWaits() throws Exception {
        assertThat(whileAPartitionIsAttached(log)).isEqualTo(6);
    }

    @Test
    void aPageThatDoesNotKnowTheListPassesOverWhatIsInAPartitionThatIsAttached() throws Exception {
        int found = whileAPartitionIsAttached(twin);
        System.out.println("a reader without the list read " + found + " of 6 events, attached while it waited");
        assertThat(found).isEqualTo(5);
    }

    /** The role's transactions have one snapshot, which is older than the plan: what is moved on the way is in neither. */
    @Test
    void aReaderLosesNothingWhateverTheRolesIsolationIs() throws Exception {
        server.execute("alter database " + server.name() + " set default_transaction_isolation = 'repeatable read'");
        assertThat(duringAMove(() -> log.page(Position.BEGINNING, 100, Wanted.ALL, 0))
                        .events())
                .hasSize(15);
    }

    /** Five events in the first partition, ten in the default one, which somebody moves while the read waits for its lock. */
    private <T> T duringAMove(Supplier<Mono<T>> read) throws Exception {
        if (server.number("select count(*) from outbox.event") == 0) {
            write(null, 5);
            server.execute("select setval('outbox.event_id_seq', 10000000)");
            write("moved", 10);
        }
        await(log.page(Position.BEGINNING, 100, Wanted.ALL, 0));
        try (Connection mover = server.connect();
                Statement statement = mover.createStatement()) {
            mover.setAutoCommit(false);
            statement.execute("lock table outbox.event_default in access exclusive mode;" + MOVED);
            CompletableFuture<T> reading = read.get().toFuture();
            awaitWaiting("event_default");
            statement.execute(ATTACH);
            mover.commit();
            return reading.get(20, TimeUnit.SECONDS);
        }
    }

    /** Somebody has locked the first partition; another is made and written meanwhile. */
    private int whileAPartitionIsAttached(EventLog reader) throws Exception {
        write(null, 5);
        server.execute("select setval('outbox.event_id_seq', 10000000)");
        await(reader.page(Position.BEGINNING, 100, Wanted.ALL, 0));
        try (Connection holder = server.connect();
                Statement statement = holder.createStatement()) {
            holder.setAutoCommit(false);
            statement.execute("lock table outbox.event_0 in access exclusive mode");
            CompletableFuture<Page> reading =
                    reader.page(Position.BEGINNING, 100, Wanted.ALL, 0).toFuture();
            awaitWaiting("event_0");
            server.execute("create table outbox.event_10000001 (like outbox.event including all); " + ATTACH);
            write("attached", 1);
            holder.commit();
            Page page = reading.get(20, TimeUnit.SECONDS);
            Page rest = await(reader.page(page.after(), 100, Wanted.ALL, 0));
            return page.size() + rest.size();
        }
    }

    private void awaitWaiting(String table) throws SQLException {
        long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        while (server.number("select count(*) from pg_locks where not granted and relation = 'outbox." + table
                        + "'::regclass")
                == 0) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(2_000_000);
        }
    }

    private void write(@Nullable String key, int count) {
        server.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', " + (key == null ? "n" : "'" + key + "'")
                + ", 'thing.made', '{}' from generate_series(1, " + count + ") n");
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(20)));
    }
}
