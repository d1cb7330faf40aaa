package dev.outbox.log;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/**
 * Holds the log to its promise under random writers, and shows that the test would notice: each broken twin must be caught. The seed
 * is printed; {@code -Doutbox.test.seed=…} repeats it.
 */
class EventLogModelIntegrationTests {

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final TestDatabase server = TestDatabase.fresh();
    private final Database database = new Database(server.pool(8), Duration.ofSeconds(20));
    private final EventLog log = new EventLog(database);
    private final Checkpoints checkpoints = new Checkpoints(database);
    private final Map<Integer, Checkpoint> stored = new ConcurrentHashMap<>();

    @Test
    void nothingIsLostNothingComesTwiceAndKeysKeepTheirOrder() throws Exception {
        List<LogModel.Verdict> verdicts = model(8_000).run(this::page, this::storeAndLoad, 1, 7, 100, 1_000_000);
        System.out.println("log model: seed " + seed + ", " + verdicts);
        assertThat(verdicts).allMatch(LogModel.Verdict::isClean);
        assertThat(verdicts.get(0).events()).isGreaterThan(1_000);
    }

    /** Pages that end where there is no room for more are held to the same promise. */
    @Test
    void pagesOfFewBytesLoseNothingEither() throws Exception {
        EventLog sparing = new EventLog(database, 200);
        List<LogModel.Verdict> verdicts = model(4_000)
                .run((from, limit) -> await(sparing.page(from, limit, Wanted.ALL, 0)), this::storeAndLoad, 7, 1_000);
        System.out.println("log model, few bytes: seed " + seed + ", " + verdicts);
        assertThat(verdicts).allMatch(LogModel.Verdict::isClean);
    }

    @Test
    void aReaderThatGoesByTheHighestIdIsCaught() throws Exception {
        assertThat(lossOf(this::pageAboveHighestId)).isPositive();
    }

    @Test
    void aReaderWithoutTheBarrierIsCaught() throws Exception {
        assertThat(lossOf((from, limit) -> withoutBarrier(page(from, limit)))).isPositive();
    }

    @Test
    void aLogThatDrawsTheIdBeforeTheXidIsCaught() throws Exception {
        server.execute("""
                drop table outbox.event;
                create sequence outbox.event_id_seq;
                create table outbox.event (
                    id bigint primary key default nextval('outbox.event_id_seq'),
                    waited text default case when random() < 0.2 then pg_sleep(0.03)::text end,
                    tx xid8 not null default pg_current_xact_id(),
                    occurred_at timestamptz not null default clock_timestamp(),
                    aggregate_type text not null, aggregate_id text not null, type text not null,
                    payload jsonb not null, headers jsonb)
                """);
        assertThat(lossOf(this::page)).isPositive();
    }

    /**
     * Sharp: the writer with the highest xid has drawn its id, and is in no snapshot's list, when a higher id is seen. Whoever else
     * ends a transaction on the server meanwhile, such as autovacuum, puts it into the list; then once more.
     */
    @Test
    void theNewestWriterIsNotMissedAndIsMissedWithoutTheBarrier() throws SQLException {
        int round = 0;
        while (!newestWriterCommitsAboveTheSnapshot()) {
            assertThat(++round).as("rounds with others' transactions").isLessThan(50);
        }
    }

    private boolean newestWriterCommitsAboveTheSnapshot() throws SQLException {
        Position before = page(Position.BEGINNING, 1_000).after();
        try (Connection early = server.connect();
                Connection newest = server.connect()) {
            begin(early, "select pg_current_xact_id()");
            begin(newest, insert("newest"));
            long xid = transactionOf(newest);
            execute(early, insert("early"));
            early.commit();

            Page seen = page(before, 100);
            assertThat(seen.events()).extracting(Event::key).containsExactly("early");
            newest.commit();

            assertThat(page(seen.after(), 100).events()).extracting(Event::key).containsExactly("newest");
            if (seen.after().done().xmax() > xid) {
                return false;
            }
            assertThat(page(withoutBarrier(seen).after(), 100).events()).isEmpty();
            return true;
        }
    }

    /** Sharp: an id that was drawn before the xid belongs to a transaction that seems to have begun later. */
    @Test
    void anIdThatIsDrawnBeforeItsXidIsMissed() throws SQLException {
        try (Connection early = server.connect()) {
            long id = server.number("select nextval('outbox.event_id_seq')");
            server.execute(insert("other"));
            Page seen = page(Position.BEGINNING, 100);
            begin(
                    early,
                    insert("early")
                            .replace("(aggregate_type", "(id, aggregate_type")
                            .replace("('thing'", "(" + id + ", 'thing'"));
            early.commit();
            assertThat(page(seen.after(), 100).events()).isEmpty();
        }
    }

    private int lossOf(LogModel.Reading reading) throws Exception {
        for (int round = 0; round < 10; round++) {
            List<LogModel.Verdict> verdicts = model(1_500).run(reading, (reader, position) -> position, 7, 100);
            System.out.println("log model, twin: seed " + seed + ", " + verdicts);
            int lost =
                    verdicts.stream().mapToInt(verdict -> verdict.lost().size()).sum();
            if (lost > 0) {
                return lost;
            }
        }
        return 0;
    }

    private LogModel model(long writeForMillis) {
        return new LogModel(server, seed, writeForMillis);
    }

    private Page page(Position from, int limit) {
        return await(log.page(from, limit, Wanted.ALL, 0));
    }

    /** Reads with id > last, as if ids became visible in their order. */
    private Page pageAboveHighestId(Position from, int limit) {
        List<Event> events = await(database.query(
                row -> new Event(
                        requireNonNull(row.get("id", Long.class)), "thing", "", "", java.time.Instant.EPOCH, "", null),
                "select id from outbox.event where id > $1 order by id limit $2",
                from.last(),
                limit));
        Position after = events.isEmpty()
                ? from
                : from.upTo(from.end(), events.get(events.size() - 1).id());
        return new Page(events, events.size(), true, from, after);
    }

    private static Page withoutBarrier(Page page) {
        return new Page(page.events(), page.size(), page.settled(), page.before(), withoutBarrier(page.after()));
    }

    private static Position withoutBarrier(Position position) {
        Position.Target target = position.target();
        return new Position(
                position.done(),
                position.done().xmax(),
                position.high(),
                target == null
                        ? null
                        : new Position.Target(
                                target.snapshot(), target.snapshot().xmax(), target.high()),
                position.last(),
                position.history());
    }

    private Position storeAndLoad(int reader, Position position) {
        String name = "reader-" + reader;
        Checkpoint last = stored.get(reader);
        if (last == null) {
            TestLog.register(server, name);
            last = new Checkpoint(name, -1, position);
        }
        TestLog.store(database, last.next(position)).block(Duration.ofSeconds(5));
        Checkpoint loaded = await(checkpoints.latest(name));
        stored.put(reader, loaded);
        return loaded.position();
    }

    private static String insert(String key) {
        return "insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', '" + key
                + "', 'thing.made', '{}')";
    }

    private static void begin(Connection connection, String sql) throws SQLException {
        connection.setAutoCommit(false);
        execute(connection, sql);
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static long transactionOf(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select pg_current_xact_id()::text::bigint")) {
            row.next();
            return row.getLong(1);
        }
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(20)));
    }
}
