package dev.outbox.retention;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Partition;
import dev.outbox.log.Position;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class RetentionIntegrationTests {

    private static final long FIRST = 10_000_001;
    private static final int SIZE = 1_000;

    private final TestDatabase server = TestDatabase.fresh();
    private final Database database = new Database(server.pool(3), Duration.ofSeconds(20));
    private final EventLog log = TestLog.eventLog(database);
    private final Checkpoints checkpoints = TestLog.checkpoints(database);
    private final Partitions partitions = new Partitions(database);
    private final Retention retention = retention(Duration.ofMillis(1));

    /** Behind the ten million ids of the first partition. */
    @BeforeEach
    void theFirstPartitionIsFull() {
        server.execute("select setval('outbox.event_id_seq', 10000000);"
                + "insert into outbox.event (id, aggregate_type, aggregate_id, type, payload)"
                + " values (10000000, 'thing', 'last', 'thing.made', '{}')");
    }

    @Test
    void partitionsAreMadeAheadOfTheIdsAndTheDefaultOneStaysEmpty() {
        await(retention(Duration.ZERO).round());
        assertThat(names()).containsExactly("event_0", "event_10000001", "event_10001001", "event_10002001");
        write(2_500);
        await(retention(Duration.ZERO).round());
        assertThat(names()).hasSize(7).endsWith("event_10004001", "event_10005001");
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(await(log.page(Position.BEGINNING, 5_000, Wanted.ALL, 0)).events())
                .hasSize(2_501);
    }

    @Test
    void whatIsOldAndPassedIsEmptiedAndThenDroppedAndReadingGoesOn() {
        await(retention.round());
        write(1_500);
        Position position = readToTheEnd("reader");
        await(retention.round());
        assertThat(server.number("select count(*) from outbox.event_0")).isZero();
        assertThat(server.number("select count(*) from outbox.event")).isEqualTo(500);
        await(retention.round());
        assertThat(names()).startsWith("event_10001001").hasSize(4);

        write(10);
        assertThat(await(log.page(position, 100, Wanted.ALL, 0)).events()).hasSize(10);
        assertThat(await(log.page(Position.BEGINNING, 1_000, Wanted.ALL, 0)).events())
                .hasSize(510);
    }

    /** The catalog is read as it was at an instant, the text of a bound as it is. */
    @Test
    void partitionsAreListedWhileOthersDropSome() throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        ExecutorService thread = Executors.newSingleThreadExecutor();
        Future<Boolean> dropper = thread.submit(() -> {
            try (Connection connection = server.connect();
                    Statement statement = connection.createStatement()) {
                while (!over.get()) {
                    statement.execute(
                            "create table outbox.gone partition of outbox.event for values from (50000000) to (50000001)");
                    statement.execute("drop table outbox.gone");
                }
                return true;
            }
        });
        try {
            long until = System.nanoTime() + Duration.ofSeconds(3).toNanos();
            while (System.nanoTime() < until) {
                assertThat(names()).startsWith("event_0");
            }
        } finally {
            over.set(true);
            dropper.get(20, TimeUnit.SECONDS);
            thread.shutdownNow();
        }
    }

    @Test
    void whatIsYoungStays() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        await(retention(Duration.ofHours(1)).round());
        assertThat(server.number("select count(*) from outbox.event")).isEqualTo(1_501);
    }

    @Test
    void aSubscriptionWithoutACheckpointHoldsEverythingBack() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        TestLog.register(server, "newcomer");
        assertHeldBy("newcomer");
        readToTheEnd("newcomer");
        assertHeldBy();
    }

    @Test
    void aRetiredSubscriptionHoldsNothingBack() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        TestLog.register(server, "split");
        assertHeldBy("split");
        server.execute("update outbox.subscription set retired_at = now() where name = 'split'");
        assertHeldBy();
    }

    @Test
    void aWindowThatIsBeingReadHoldsBackWhatItHasNotRead() {
        await(retention.round());
        write(1_500);
        TestLog.register(server, "slow");
        Page page = await(log.page(Position.BEGINNING, 1_000, Wanted.ALL, 0));
        store("slow", 0, page.after());
        assertThat(holders(0)).isEmpty();
        assertThat(holders(1)).containsExactly("slow");
        page = await(log.page(page.after(), 300, Wanted.ALL, 0));
        store("slow", 1, page.after());
        assertThat(holders(1)).isEmpty();
    }

    /** Its event became visible after the position was taken, below the highest id that is done. */
    @Test
    void aLateEventHoldsItsPartitionBackUntilItIsRead() throws SQLException {
        await(retention.round());
        try (Connection late = server.connect();
                Statement statement = late.createStatement()) {
            late.setAutoCommit(false);
            statement.execute(insert(1));
            write(1_500);
            Position position = readToTheEnd("reader");
            late.commit();
            assertHeldBy("reader");

            Page page = await(log.page(position, 1_000, Wanted.ALL, 0));
            assertThat(page.events()).hasSize(1);
            store("reader", 1, page.after());
            assertHeldBy();
        }
    }

    @Test
    void aParkedEventHoldsNothingBackAndIsAsItWas() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        List<Long> parked = List.of(FIRST, FIRST + 1, FIRST + 2);
        park("reader", FIRST, "dead");
        park("reader", FIRST + 1, "blocked");
        park("reader", FIRST + 2, "dead");
        List<Event> before = await(log.events(parked));
        assertThat(before).hasSize(3);
        assertHeldBy();
        assertThat(server.number("select count(*) from outbox.event where id < " + (FIRST + SIZE)))
                .isZero();
        assertThat(await(log.events(parked))).isEqualTo(before);
        server.execute("delete from outbox.parked");
        assertThat(await(log.events(parked))).isEmpty();
    }

    /** Of two subscriptions each keeps its own; one that goes takes nothing away from the other. */
    @Test
    void eachSubscriptionKeepsACopyOfItsOwn() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        readToTheEnd("other");
        park("reader", FIRST, "dead");
        park("other", FIRST, "retrying");
        Event before = await(log.event(FIRST));
        assertHeldBy();
        server.execute("delete from outbox.parked where subscription = 'reader'");
        assertThat(await(log.event(FIRST))).isEqualTo(before);
    }

    /** Many in pieces, and one that is larger than a piece may be. */
    @Test
    void manyAndLargeOnesAreCopiedPieceByPiece() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        readToTheEnd("other");
        server.execute(
                "update outbox.event set payload = to_jsonb(string) from (select string_agg(md5(n::text), '') as string"
                        + " from generate_series(1, 300000) n) s where id in (" + (FIRST + 5) + ", " + (FIRST + 6)
                        + ", " + (FIRST + 7)
                        + ")");
        for (String name : List.of("reader", "other")) {
            server.execute("insert into outbox.parked (subscription, event_id, key, state, attempts) select '" + name
                    + "', id, aggregate_id, 'dead', 3 from outbox.event where id >= " + FIRST);
        }
        String before = server.value("select md5(string_agg(md5(payload::text), ' ' order by id)) from outbox.event"
                + " where id between " + FIRST + " and " + (FIRST + SIZE - 1));
        assertHeldBy();
        assertThat(server.value("select md5(string_agg(md5(payload::text), ' ' order by event_id)) from outbox.parked"
                        + " where subscription = 'other' and occurred_at is not null"))
                .isEqualTo(before);
        assertThat(server.number("select count(*) from outbox.parked where occurred_at is not null"))
                .isEqualTo(2 * SIZE);
    }

    /** It ended between the copies and the end of the partition. */
    @Test
    void whatAnInstanceThatCrashedHasCopiedIsTakenUpByAnother() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        park("reader", FIRST, "dead");
        Partition partition = await(partitions.all()).get(1);
        assertThat(await(new ParkedCopies(new TableChanges(database)).copy(partition)))
                .isEqualTo(TableChanges.Result.NOTHING);
        assertThat(server.number("select count(occurred_at) from outbox.parked"))
                .isOne();
        Event before = await(log.event(FIRST));
        park("reader", FIRST + 1, "dead");
        Partitions next = new Partitions(new Database(server.pool(2), Duration.ofSeconds(20)));
        assertThat(await(next.empty(partition, Duration.ofMillis(1)))).isEqualTo(TableChanges.Result.DONE);
        assertThat(await(log.event(FIRST))).isEqualTo(before);
        assertThat(await(log.event(FIRST + 1)).key()).isEqualTo("2");
    }

    /** A row that somebody has locked is copied later; nobody waits for it, and its partition stays. */
    @Test
    void aRowThatIsInUseIsLeftForLater() throws SQLException {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        park("reader", FIRST, "dead");
        park("reader", FIRST + 1, "dead");
        Partition partition = await(partitions.all()).get(1);
        try (Connection leader = server.connect();
                Statement statement = leader.createStatement()) {
            leader.setAutoCommit(false);
            statement.execute(
                    "update outbox.parked set state = 'retrying', next_attempt_at = now() where event_id = " + FIRST);
            assertThat(await(partitions.empty(partition, Duration.ofMillis(1)))).isEqualTo(TableChanges.Result.NOTHING);
            assertThat(server.number("select count(occurred_at) from outbox.parked"))
                    .isOne();
            leader.commit();
        }
        assertThat(await(partitions.empty(partition, Duration.ofMillis(1)))).isEqualTo(TableChanges.Result.DONE);
        assertThat(await(log.event(FIRST)).key()).isEqualTo("1");
        assertThat(server.value("select state from outbox.parked where event_id = " + FIRST))
                .isEqualTo("retrying");
    }

    /** What lies in no partition has nothing that could be copied. */
    @Test
    void aRowWithoutAnEventHoldsNothingBack() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        server.execute("delete from outbox.event where id = " + FIRST);
        park("reader", FIRST, "dead");
        assertHeldBy();
        assertThat(await(log.events(List.of(FIRST)))).isEmpty();
    }

    @Test
    void anEventThatIsParkedWhileItsPartitionIsBeingEmptiedIsNotLost() throws Exception {
        assertThat(lostBesideAReplay(partition -> partitions.empty(partition, Duration.ofMillis(1))))
                .isFalse();
    }

    @Test
    void aTwinThatLooksBeforeItHasTheLockLosesIt() throws Exception {
        TableChanges changes = new TableChanges(database);
        assertThat(lostBesideAReplay(partition -> changes.brief(connection -> ParkedCopies.areComplete(
                                connection, partition)
                        .filter(complete -> complete)
                        .flatMap(complete -> TableChanges.execute(connection, "truncate outbox." + partition.name())
                                .thenReturn(TableChanges.Result.DONE))
                        .defaultIfEmpty(TableChanges.Result.NOTHING))))
                .isTrue();
    }

    /** A replay of a key commits while the lock of the partition is waited for. */
    private boolean lostBesideAReplay(Function<Partition, Mono<TableChanges.Result>> emptying) throws Exception {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        Partition partition = await(partitions.all()).get(1);
        for (int round = 0; round < 50; round++) {
            try (Connection replay = server.connect();
                    Statement statement = replay.createStatement()) {
                replay.setAutoCommit(false);
                statement.execute("insert into outbox.parked (subscription, event_id, key, state, attempts)"
                        + " select 'reader', id, aggregate_id, 'dead', 0 from outbox.event where id = " + FIRST);
                var emptied = emptying.apply(partition).toFuture();
                while (!emptied.isDone()
                        && server.number(
                                        "select count(*) from pg_locks where relation = 'outbox.event_10000001'::regclass"
                                                + " and not granted")
                                == 0) {
                    Thread.onSpinWait();
                }
                replay.commit();
                TableChanges.Result result = emptied.get(10, TimeUnit.SECONDS);
                boolean lost = await(log.events(List.of(FIRST))).isEmpty();
                if (lost || result != TableChanges.Result.REFUSED) {
                    return lost;
                }
            }
            server.execute("delete from outbox.parked");
        }
        throw new IllegalStateException("The lock was never had in time");
    }

    private void park(String subscription, long event, String state) {
        server.execute(
                "insert into outbox.parked (subscription, event_id, key, state, attempts, next_attempt_at) values ('"
                        + subscription + "', " + event + ", '" + (event - FIRST + 1) + "', '" + state + "', 3, "
                        + (state.equals("retrying") ? "now()" : "null") + ")");
    }

    @Test
    void aPositionOfAnotherClusterHoldsEverythingBack() {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        server.execute("update outbox.checkpoint set system_identifier = 1");
        assertHeldBy("reader");
    }

    /** An open transaction has the partition; what is removed is asked for again once the lock is there. */
    @Test
    void whatIsInUseIsLeftForLater() throws SQLException {
        await(retention.round());
        write(1_500);
        readToTheEnd("reader");
        try (Connection dump = server.connect();
                Statement statement = dump.createStatement()) {
            dump.setAutoCommit(false);
            statement.execute("lock table outbox.event in access share mode");
            assertThat(await(retention.round())).isTrue();
            assertThat(server.number("select count(*) from outbox.event")).isEqualTo(1_501);
            assertThat(names()).hasSize(4);
        }
        await(retention.round());
        await(retention.round());
        assertThat(names()).startsWith("event_10001001").hasSize(4);
    }

    @Test
    void eventsThatCameBeforeTheirPartitionGetOneThatReachesWellAboveTheIds() {
        write(300);
        assertThat(server.number("select count(*) from outbox.event_default")).isEqualTo(300);
        String before = content();
        Retention keeping = retention(Duration.ZERO);
        await(keeping.round());
        assertThat(names()).containsExactly("event_0", "event_10000001");
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(content()).isEqualTo(before);
        await(keeping.round());
        assertThat(names())
                .containsExactly("event_0", "event_10000001", "event_10001001", "event_10002001", "event_10003001");
        write(800);
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(await(log.page(Position.BEGINNING, 5_000, Wanted.ALL, 0)).events())
                .hasSize(1_101);
    }

    /** As earlier versions left them: above the events a partition was made. */
    @Test
    void eventsInAGapAndEventsWithIdsOfTheirOwnGetPartitionsToo() {
        server.execute(
                "create table outbox.event_10005001 partition of outbox.event for values from (10005001) to (10006001)");
        write(300);
        for (long id : List.of(10_003_000L, 10_007_500L, 5_000_000_000_000L)) {
            unchecked("insert into outbox.event (id, aggregate_type, aggregate_id, type, payload) values (" + id
                    + ", 'thing', 'odd', 'thing.made', '{}')");
        }
        String before = content();
        rounds(3);
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(content()).isEqualTo(before);
        assertThat(names())
                .startsWith("event_0", "event_10000001")
                .contains("event_10002001", "event_10005001", "event_10007001")
                .endsWith("event_4999999999001");
        server.execute("select setval('outbox.event_id_seq', 10008000)");
        write(20_000);
        rounds(10);
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(server.number("select count(*) from outbox.event")).isEqualTo(20_304);
    }

    /** Without the trigger that refuses ids that were not drawn. */
    private void unchecked(String sql) {
        server.execute("set session_replication_role = replica; " + sql + "; reset session_replication_role");
    }

    /** The ids below the first partition are those of partitions that were dropped. */
    @Test
    void anEventWithAnIdOfLongAgoIsSettled() {
        server.execute(
                "drop table outbox.event_0; insert into outbox.event (id, aggregate_type, aggregate_id, type, payload)"
                        + " values (-7, 'thing', 'odd', 'thing.made', '{}'), (7, 'thing', 'odd', 'thing.made', '{}')");
        rounds(2);
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(server.number("select count(*) from outbox.event")).isEqualTo(2);
    }

    /** An instance that ended has left a table aside, of another size; ids have gone beyond it. */
    @Test
    void whatAnotherInstanceHasBegunIsBroughtToItsEnd() throws SQLException {
        write(600);
        Retention coarse = new Retention(
                partitions, new RetentionSettings(1_000, 3, Duration.ZERO, Duration.ofSeconds(1)), Clock.systemUTC());
        try (Connection dump = server.connect();
                Statement statement = dump.createStatement()) {
            dump.setAutoCommit(false);
            statement.execute("lock table outbox.event in access share mode");
            await(coarse.round());
            write(5_000);
            await(coarse.round());
        }
        assertThat(server.number("select count(*) from pg_constraint where conname = 'aside'"))
                .isEqualTo(2);
        String before = content();
        Retention fine = new Retention(
                partitions, new RetentionSettings(3_000, 3, Duration.ZERO, Duration.ofSeconds(1)), Clock.systemUTC());
        await(fine.round());
        assertThat(server.number("select count(*) from pg_constraint where conname = 'aside'"))
                .isZero();
        assertThat(server.number("select count(*) from outbox.event_default")).isZero();
        assertThat(content()).isEqualTo(before);
    }

    /** Somebody has made the partition by hand. */
    @Test
    void whatWasSetAsideInVainIsDropped() throws SQLException {
        write(300);
        try (Connection dump = server.connect();
                Statement statement = dump.createStatement()) {
            dump.setAutoCommit(false);
            statement.execute("lock table outbox.event in access share mode");
            await(retention(Duration.ZERO).round());
        }
        assertThat(server.number("select count(*) from outbox.event_10000001")).isEqualTo(300);
        server.execute(
                "begin; lock table outbox.event in access exclusive mode;"
                        + " create table outbox.by_hand (like outbox.event including all);"
                        + " with moved as (delete from outbox.event_default returning *) insert into outbox.by_hand select * from moved;"
                        + " alter table outbox.event attach partition outbox.by_hand for values from (10000001) to (10000501); commit");
        rounds(2);
        assertThat(server.value("select to_regclass('outbox.event_10000001')")).isNull();
        assertThat(names()).contains("by_hand", "event_10000501");
        assertThat(server.number("select count(*) from outbox.event")).isEqualTo(301);
    }

    /** Under the role's REPEATABLE READ the look behind the lock would be one before it. */
    @Test
    void aPartitionWithAnEventIsNotDroppedWhateverTheRolesIsolationIs() throws Exception {
        await(retention(Duration.ZERO).round());
        server.execute("alter database " + server.name() + " set default_transaction_isolation = 'repeatable read'");
        Partitions itsPartitions = new Partitions(new Database(server.pool(2), Duration.ofSeconds(20)));
        Partition next = await(itsPartitions.all()).get(1);
        assertThat(await(itsPartitions.drawn())).isEqualTo(FIRST - 1);
        assertThat(droppedBesideAWriter(itsPartitions, next)).isEqualTo(TableChanges.Result.NOTHING);
        assertThat(server.number("select count(*) from outbox.event")).isEqualTo(2);
    }

    /** A writer commits while the drop waits for the lock. */
    private TableChanges.Result droppedBesideAWriter(Partitions itsPartitions, Partition partition) throws Exception {
        for (int round = 0; round < 20; round++) {
            try (Connection writer = server.connect();
                    Statement statement = writer.createStatement()) {
                writer.setAutoCommit(false);
                statement.execute(insert(1));
                var dropped = itsPartitions.drop(List.of(partition)).toFuture();
                while (!dropped.isDone()
                        && server.number("select count(*) from pg_locks where relation = 'outbox.event'::regclass"
                                        + " and not granted")
                                == 0) {
                    Thread.onSpinWait();
                }
                writer.commit();
                TableChanges.Result result = dropped.get(10, TimeUnit.SECONDS);
                if (result != TableChanges.Result.REFUSED) {
                    return result;
                }
                server.execute("delete from outbox.event where id >= " + FIRST);
                server.execute("select setval('outbox.event_id_seq', 10000000)");
            }
        }
        return TableChanges.Result.REFUSED;
    }

    private void rounds(int count) {
        for (int i = 0; i < count; i++) {
            await(retention(Duration.ZERO).round());
        }
    }

    private String content() {
        return server.value("select md5(string_agg(e::text, ' ' order by id)) from outbox.event e");
    }

    @Test
    void oldCheckpointsAreTrimmed() {
        TestLog.register(server, "reader");
        for (int generation = 0; generation <= 500; generation++) {
            store("reader", generation, Position.BEGINNING);
        }
        assertThat(server.number("select count(*) from outbox.checkpoint")).isEqualTo(101);
        assertThat(await(checkpoints.latest("reader")).generation()).isEqualTo(500);
    }

    private void assertHeldBy(String... names) {
        assertThat(holders(1)).containsExactly(names);
        await(retention.round());
        assertThat(server.number("select count(*) from outbox.event_10000001") > 0)
                .isEqualTo(names.length > 0);
    }

    private List<String> holders(int partition) {
        return await(partitions.holders(await(partitions.all()).get(partition), Duration.ofMillis(1)));
    }

    private Position readToTheEnd(String name) {
        TestLog.register(server, name);
        Page page = await(log.page(Position.BEGINNING, 10_000, Wanted.ALL, 0));
        store(name, 0, page.after());
        return page.after();
    }

    private void store(String name, long generation, Position position) {
        await(TestLog.store(database, new Checkpoint(name, generation, position)));
    }

    private void write(int count) {
        server.execute(insert(count));
    }

    private static String insert(int count) {
        return "insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', n, 'thing.made', '{}' from generate_series(1, " + count + ") n";
    }

    private List<String> names() {
        return await(partitions.all()).stream().map(Partition::name).toList();
    }

    private Retention retention(Duration age) {
        return new Retention(partitions, new RetentionSettings(SIZE, 3, age, Duration.ofSeconds(1)), Clock.systemUTC());
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(20)));
    }
}
