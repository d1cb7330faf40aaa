package dev.outbox.log;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.TestServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import reactor.core.publisher.Mono;

/** A log is restored into another cluster, whose transaction ids are its own: what was not done is delivered, and nothing else. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RestoreIntegrationTests {

    private static final List<String> TABLES = List.of(
            "outbox.cluster",
            "outbox.identity",
            "outbox.subscription",
            "outbox.checkpoint",
            "outbox.generation",
            "outbox.parked",
            "outbox.event");

    private static final String COLUMNS = """
            select string_agg(attname, ', ' order by attnum) from pg_attribute
            where attrelid = '%s'::regclass and attnum > 0 and attgenerated = '' and not attisdropped""";

    @TempDir
    private static Path directory;

    private static TestServer otherCluster;
    private static int count;

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @BeforeAll
    static void anotherCluster() throws IOException {
        burn(
                TestDatabase.fresh(),
                10_000); // started first: its programs must not be those of the other one's directory
        otherCluster = new TestServer(directory);
        otherCluster.database().migrated();
    }

    @AfterAll
    static void stop() throws IOException {
        otherCluster.close();
    }

    @Test
    void everySubscriptionGetsWhatItHadNotDoneAndItsTwinWithoutConversionDoesNot() throws Exception {
        assertThat(restored(4)).isPositive();
    }

    /** Last: from here on the other cluster is ahead. */
    @Test
    @Order(Integer.MAX_VALUE)
    void soItIsWhereTheOtherClusterHasGivenOutMoreTransactionIds() throws Exception {
        burn(otherCluster.database(), 40_000);
        restored(4);
    }

    private int restored(int rounds) throws Exception {
        System.out.println("restore: seed " + seed);
        int wrong = 0;
        for (int round = 0; round < rounds; round++) {
            TestDatabase restored = inOtherCluster();
            try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random)) {
                here.run(400);
                Map<String, List<Long>> expected = here.undone();
                copy(here.database, restored);
                wrong += check(restored, expected);
            }
        }
        return wrong;
    }

    /** Back again: the numbers that the first conversion gave are converted too. */
    @Test
    void aLogThatIsRestoredTwiceIsConvertedTwice() throws Exception {
        System.out.println("restore: seed " + seed);
        TestDatabase there = inOtherCluster();
        try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random)) {
            here.run(300);
            copy(here.database, there);
        }
        try (RestoreModel second = new RestoreModel(there, random)) {
            second.run(60);
            Map<String, List<Long>> expected = second.undone();
            TestDatabase back = TestDatabase.fresh();
            copy(there, back);
            check(back, expected);
        }
    }

    /** What a retired subscription had done nobody asks; when it is in force again it begins where those before it are. */
    @Test
    void aRetiredSubscriptionIsNotConvertedAndDoesNotBringItsOldPositionBack() throws Exception {
        System.out.println("restore: seed " + seed);
        TestDatabase restored = inOtherCluster();
        try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random);
                RestoreModel there = new RestoreModel(restored, random)) {
            claim(here.database, 1);
            here.run(100);
            here.toTheEnd("mail");
            claim(here.database, 2);
            here.run(100);
            List<String> shards = List.of("mail.1-of-2", "mail.2-of-2");
            shards.forEach(here::toTheEnd);
            here.database.execute(RestoreModel.insert(3));
            long last = here.database.number("select max(id) from outbox.event");
            copy(here.database, restored);

            Checkpoint whole = claim(restored, 1);
            assertThat(there.rest(whole.position())).containsExactly(last - 2, last - 1, last);
            String foreign =
                    "select count(*) from outbox.checkpoint where subscription = 'mail' and system_identifier <>"
                            + " (select system_identifier from pg_control_system())";
            assertThat(restored.number(foreign)).isPositive();
            restored.execute(RestoreModel.insert(1));
            assertThat(there.rest(whole.position())).containsExactly(last - 2, last - 1, last, last + 1);
        }
    }

    private static Checkpoint claim(TestDatabase database, int shards) {
        Claims claims = TestLog.claims(new Database(database.pool(2), Duration.ofSeconds(10)));
        for (int shard = 1; shard < shards; shard++) {
            claims.claim("mail", "handler", new Wanted(Set.of(), shard, shards), "test")
                    .block(Duration.ofSeconds(30));
        }
        return requireNonNull(claims.claim("mail", "handler", new Wanted(Set.of(), shards, shards), "test")
                .block(Duration.ofSeconds(30)));
    }

    @Test
    void twoWhoStartAtOnceConvertOnce() throws Exception {
        TestDatabase restored = inOtherCluster();
        try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random);
                RestoreModel one = new RestoreModel(restored, random);
                RestoreModel two = new RestoreModel(restored, random)) {
            here.run(200);
            copy(here.database, restored);
            long stored = restored.number("select count(*) from outbox.checkpoint");
            long subscriptions = restored.number("select count(distinct subscription) from outbox.checkpoint");
            Mono.zip(one.checkpoints.latest("reader-0"), two.checkpoints.latest("reader-1"))
                    .block(Duration.ofSeconds(30));
            assertThat(restored.number("select count(*) from outbox.checkpoint"))
                    .isEqualTo(stored + subscriptions);
            assertThat(restored.number("select count(*) from outbox.checkpoint where system_identifier ="
                            + " (select system_identifier from pg_control_system())"))
                    .isEqualTo(subscriptions);
        }
    }

    /** Before there is a checkpoint that tells. */
    @Test
    void aLogOfWhichNothingSaysWhoseItIsCountsAsAnothers() throws Exception {
        TestDatabase restored = inOtherCluster();
        try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random);
                RestoreModel there = new RestoreModel(restored, random)) {
            here.run(100);
            copy(here.database, restored);
            restored.execute("truncate outbox.cluster, outbox.checkpoint");
            restored.execute("update outbox.event set tx = '9000000'");
            long events = restored.number("select count(*) from outbox.event");
            assertThat(there.rest(Position.BEGINNING)).hasSizeLessThan((int) events);
            assertThat(there.checkpoints.latest("reader-0").block(Duration.ofSeconds(30)))
                    .isNull();
            assertThat(there.rest(Position.BEGINNING)).hasSize((int) events);
            assertThat(restored.number("select count(*) from outbox.cluster")).isOne();
        }
    }

    /** Its events are not renumbered: what is done would not be, and the other way round. */
    @Test
    void aLogWhoseCheckpointsAreFromHereIsFromHereEvenIfTheClusterIsForgotten() throws Exception {
        try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random)) {
            here.run(200);
            assertThat(here.positions()).isNotEmpty();
            Map<String, List<Long>> expected = here.undone();
            String transactions = "select string_agg(tx::text, ' ' order by id) from outbox.event";
            String before = here.database.value(transactions);
            here.database.execute("delete from outbox.cluster");
            assertThat(here.undoneConverted()).isEqualTo(expected);
            assertThat(here.database.value(transactions)).isEqualTo(before);
        }
    }

    @Test
    void aSequenceThatWasNotRestoredIsMovedAboveTheEvents() throws Exception {
        TestDatabase restored = inOtherCluster();
        try (RestoreModel here = new RestoreModel(TestDatabase.fresh(), random);
                RestoreModel there = new RestoreModel(restored, random)) {
            here.run(200);
            copy(here.database, restored);
            restored.execute("select setval('outbox.event_id_seq', 1)");
            there.checkpoints.latest("reader-0").block(Duration.ofSeconds(30));
            restored.execute(RestoreModel.insert(3));
            assertThat(restored.number("select count(*) from outbox.event"))
                    .isEqualTo(here.database.number("select count(*) from outbox.event") + 3);
        }
    }

    /**
     * Something is written before anybody converts, some of it committed; then everybody reads.
     *
     * @return how many readers would have got something else without the conversion
     */
    private int check(TestDatabase restored, Map<String, List<Long>> expected) throws SQLException {
        try (RestoreModel there = new RestoreModel(restored, random);
                Connection writer = restored.connect();
                Statement statement = writer.createStatement()) {
            writer.setAutoCommit(false);
            statement.execute(RestoreModel.insert(2));
            restored.execute(RestoreModel.insert(2));
            long native1 = restored.number("select max(id) from outbox.event");
            int wrong = differing(there.undone(), expected, List.of(native1 - 1, native1));

            assertThat(there.undoneConverted())
                    .as("seed " + seed)
                    .isEqualTo(and(expected, List.of(native1 - 1, native1)));
            Map<String, Position> ends = new HashMap<>();
            for (String reader : there.readers()) {
                ends.put(reader, end(there, reader));
            }
            writer.commit();
            ends.forEach((reader, end) -> assertThat(there.rest(end)).containsExactly(native1 - 3, native1 - 2));
            return wrong;
        }
    }

    private static Position end(RestoreModel model, String reader) {
        Position position = model.checkpoints
                .latest(reader)
                .map(Checkpoint::position)
                .defaultIfEmpty(Position.BEGINNING)
                .block(Duration.ofSeconds(10));
        while (true) {
            Page page = model.log.page(position, 50, Wanted.ALL, 0).block(Duration.ofSeconds(10));
            if (page == null || page.isEmpty()) {
                return position;
            }
            position = page.after();
        }
    }

    private static int differing(Map<String, List<Long>> got, Map<String, List<Long>> expected, List<Long> more) {
        Map<String, List<Long>> right = and(expected, more);
        return (int) got.entrySet().stream()
                .filter(each -> !each.getValue().equals(right.get(each.getKey())))
                .count();
    }

    private static Map<String, List<Long>> and(Map<String, List<Long>> expected, List<Long> more) {
        Map<String, List<Long>> sum = new HashMap<>();
        expected.forEach((reader, ids) -> {
            List<Long> all = new ArrayList<>(ids);
            all.addAll(more);
            sum.put(reader, all);
        });
        return sum;
    }

    /** As pg_dump and psql would: the rows as they were in one snapshot, and the sequence. */
    private static void copy(TestDatabase from, TestDatabase to) throws SQLException, IOException {
        try (Connection source = from.connect();
                Connection target = to.connect();
                Statement read = source.createStatement();
                Statement write = target.createStatement()) {
            source.setAutoCommit(false);
            source.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            write.execute("truncate " + String.join(", ", TABLES) + ", outbox.action");
            CopyManager out = source.unwrap(PGConnection.class).getCopyAPI();
            CopyManager in = target.unwrap(PGConnection.class).getCopyAPI();
            for (String table : TABLES) {
                ByteArrayOutputStream rows = new ByteArrayOutputStream();
                String columns = from.value(COLUMNS.formatted(table));
                write.execute(
                        "set session_replication_role = " // as pg_restore --disable-triggers: tx is as it was
                                + (table.equals("outbox.event") ? "replica" : "origin"));
                out.copyOut("copy (select " + columns + " from " + table + ") to stdout", rows);
                in.copyIn(
                        "copy " + table + " (" + columns + ") from stdin",
                        new ByteArrayInputStream(rows.toByteArray()));
            }
            write.execute("select setval('outbox.event_id_seq', "
                    + from.number("select last_value from outbox.event_id_seq") + ")");
        }
    }

    private static TestDatabase inOtherCluster() {
        TestDatabase made = otherCluster.database();
        TestDatabase restored = new TestDatabase(made.host(), made.port(), "restored_" + ++count);
        new TestDatabase(made.host(), made.port(), "postgres")
                .execute("create database " + restored.name() + " template outbox");
        return restored;
    }

    private static void burn(TestDatabase database, int transactions) {
        database.execute("""
                do $$
                begin
                    create temporary table burnt (n int);
                    for i in 1..%d loop
                        begin
                            insert into burnt values (i);
                        exception when others then null;
                        end;
                    end loop;
                end
                $$""".formatted(transactions));
    }
}
