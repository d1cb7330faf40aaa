package dev.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The door does to a connection what it says, seen by a client of PostgreSQL. */
@Timeout(60)
class DoorIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();

    private final Door door = new Door(DATABASE);

    @BeforeAll
    static void table() {
        DATABASE.execute("create table passed (number int)");
    }

    @AfterEach
    void close() {
        door.close();
    }

    @Test
    void anOpenDoorLetsEverythingThrough() throws Exception {
        try (Connection connection = behind()) {
            assertThat(ask(connection, "select repeat('x', 1000000)")).hasSize(1_000_000);
            assertThat(door.lines()).isEqualTo(1);
        }
        awaitNoLine();
    }

    @Test
    void aShutDoorRefusesAndOpensAgain() throws Exception {
        door.shut();
        assertThatThrownBy(this::behind).isInstanceOf(SQLException.class).hasMessageContaining("refused");
        door.open();
        try (Connection connection = behind()) {
            assertThat(ask(connection, "select 1")).isEqualTo("1");
        }
    }

    @Test
    void aResetIsAnErrorAtBothEnds() throws Exception {
        try (Connection connection = behind()) {
            String session = ask(connection, "select pg_backend_pid()");
            assertThat(door.resetOne(new Random())).isTrue();
            assertThatThrownBy(() -> ask(connection, "select 1")).isInstanceOf(SQLException.class);
            awaitNoSession(session);
        }
        assertThat(door.resetOne(new Random())).isFalse();
    }

    @Test
    void aRequestThatIsHeldBackReachesTheServerWhenItIsReleased() throws Exception {
        isHeldBack(Door.Way.REQUESTS, 0);
    }

    @Test
    void anAnswerThatIsHeldBackReachesTheClientWhenItIsReleased() throws Exception {
        isHeldBack(Door.Way.ANSWERS, 1);
    }

    @Test
    void whoHangsUpOnAFrozenConnectionIsSeenAndTheServerIsNotTold() throws Exception {
        // Only with a minimal version the driver tells its name at the start.
        String url = door.to(DATABASE).jdbcUrl() + "?assumeMinServerVersion=12&ApplicationName=hung";
        try (Connection connection = DriverManager.getConnection(url, TestDatabase.USER, TestDatabase.PASSWORD)) {
            String session = ask(connection, "select pg_backend_pid()");
            door.freeze();
            CompletableFuture<Void> hangsUp = CompletableFuture.runAsync(() -> close(connection));
            assertThat(door.awaitGivenUp("hung", Duration.ofSeconds(5))).isLessThan(Duration.ofSeconds(5));
            hangsUp.get(5, TimeUnit.SECONDS);
            assertThat(DATABASE.value("select count(*) from pg_stat_activity where pid = " + session))
                    .isEqualTo("1");
            door.release();
            awaitNoSession(session);
        }
    }

    @Test
    void delayedBytesTakeTheirTimeAndKeepTheirOrder() throws Exception {
        try (Connection connection = behind()) {
            ask(connection, "select 1");
            door.delay(100, 50);
            long began = System.nanoTime();
            assertThat(ask(connection, "select string_agg(n::text, '') from generate_series(1, 9999) n"))
                    .startsWith("12345678910")
                    .endsWith("99989999");
            assertThat(elapsed(began)).isGreaterThan(Duration.ofMillis(190));
            door.unhindered();
            assertThat(ask(connection, "select 1")).isEqualTo("1");
        }
    }

    @Test
    void aSlowConnectionPassesSoManyBytesInASecond() throws Exception {
        try (Connection connection = behind()) {
            ask(connection, "select 1");
            door.throttle(10_000);
            long began = System.nanoTime();
            assertThat(ask(connection, "select repeat('x', 10000)")).hasSize(10_000);
            assertThat(elapsed(began)).isBetween(Duration.ofMillis(950), Duration.ofSeconds(5));
        }
    }

    @Test
    void aHalfClosedConnectionStillAnswersWhatWasAsked() throws Exception {
        try (Connection connection = behind()) {
            ask(connection, "select 1");
            CompletableFuture<String> asked =
                    CompletableFuture.supplyAsync(() -> quietly(connection, "select pg_sleep(1)::text"));
            awaitSleeper();
            door.halfClose(Door.Way.REQUESTS);
            assertThat(asked.get(10, TimeUnit.SECONDS)).isEmpty();
            assertThatThrownBy(() -> ask(connection, "select 1")).isInstanceOf(SQLException.class);
        }
    }

    @Test
    void aCommitThatIsCutBeforeIsNotDone() throws Exception {
        assertThatThrownBy(() -> insert(11, door::cutBeforeCommit)).isInstanceOf(SQLException.class);
        assertThat(rows(11)).isZero();
        assertThat(door.cuts()).isEqualTo(1);
    }

    @Test
    void aCommitThatIsCutAfterIsDoneAndNotAcknowledged() throws Exception {
        assertThatThrownBy(() -> insert(12, door::cutAfterCommit)).isInstanceOf(SQLException.class);
        assertThat(rows(12)).isEqualTo(1);
        assertThat(door.cuts()).isEqualTo(1);
    }

    /** The driver prepares its commits, and sends the text only once. */
    @Test
    void aLaterCommitOfAConnectionIsFoundToo() throws Exception {
        try (Connection connection = behind()) {
            connection.setAutoCommit(false);
            for (int i = 0; i < 10; i++) {
                ask(connection, "insert into passed values (14) returning number");
                connection.commit();
            }
            ask(connection, "insert into passed values (14) returning number");
            door.cutAfterCommit();
            assertThatThrownBy(connection::commit).isInstanceOf(SQLException.class);
        }
        assertThat(rows(14)).isEqualTo(11);
    }

    @Test
    void nothingIsCutThatIsNotAsked() throws Exception {
        insert(13, () -> {});
        assertThat(rows(13)).isEqualTo(1);
        assertThat(door.cuts()).isZero();
    }

    private void isHeldBack(Door.Way way, int reachesTheServer) throws Exception {
        int number = way == Door.Way.REQUESTS ? 21 : 22;
        try (Connection connection = behind()) {
            ask(connection, "select 1");
            door.hold(way);
            String insert = "insert into passed values (" + number + ") returning number";
            CompletableFuture<String> asked = CompletableFuture.supplyAsync(() -> quietly(connection, insert));
            assertThatThrownBy(() -> asked.get(500, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            assertThat(rows(number)).isEqualTo(reachesTheServer);
            door.release();
            assertThat(asked.get(10, TimeUnit.SECONDS)).isEqualTo(Integer.toString(number));
            assertThat(rows(number)).isEqualTo(1);
        }
    }

    private void insert(int number, Runnable beforeCommit) throws SQLException {
        try (Connection connection = behind()) {
            connection.setAutoCommit(false);
            ask(connection, "insert into passed values (" + number + ") returning number");
            beforeCommit.run();
            connection.commit();
        }
    }

    private Connection behind() throws SQLException {
        return door.to(DATABASE).connect();
    }

    private static long rows(int number) {
        return DATABASE.number("select count(*) from passed where number = " + number);
    }

    private static String ask(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    private static String quietly(Connection connection, String sql) {
        try {
            return ask(connection, sql);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void close(Connection connection) {
        try {
            connection.close();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Duration elapsed(long began) {
        return Duration.ofNanos(System.nanoTime() - began);
    }

    private void awaitNoLine() {
        await(() -> door.lines() == 0);
    }

    private static void awaitNoSession(String pid) {
        await(() -> DATABASE.number("select count(*) from pg_stat_activity where pid = " + pid) == 0);
    }

    private static void awaitSleeper() {
        await(() -> DATABASE.number("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") > 0);
    }

    private static void await(java.util.function.BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
        }
    }
}
