package dev.outbox.log;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Whoever was replaced stores nothing, however far the others have gone on, and whatever was removed meanwhile. */
class FenceIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    /** As it was: the primary key alone is the fence. */
    private static final String WITHOUT_PREDECESSOR = """
            insert into outbox.checkpoint (subscription, generation, done, barrier, high, last, instance, system_identifier)
            select $1, $2, '3:3:', '3', 0, 0, 'twin', system_identifier
            from pg_control_system()
            """;

    /** It looks whether the predecessor is there, and does not lock it. */
    private static final String WITHOUT_LOCK = """
            insert into outbox.checkpoint (subscription, generation, done, barrier, high, last, instance, system_identifier)
            select subscription, $2, '3:3:', '3', 0, 0, 'twin', system_identifier
            from outbox.checkpoint
            where subscription = $1 and generation = $2 - 1
            """;

    private final TestDatabase server = TestDatabase.fresh();
    private final ConnectionPool pool = server.pool(4);
    private final Database database = new Database(pool, SOON);
    private final Checkpoints checkpoints = new Checkpoints(database);

    @AfterEach
    void dispose() {
        pool.dispose();
    }

    @Test
    void aStaleCheckpointIsRefusedAfterTheGenerationsBetweenAreTrimmed() {
        Checkpoint zombies = claim("fenced");
        goOn(claim("fenced"), 1_100);
        long first = number("min(generation)");
        assertThat(first).isGreaterThan(zombies.generation() + 1);
        assertStale(zombies.next(zombies.position()));
        assertThat(number("min(generation)")).isEqualTo(first);
    }

    @Test
    void itsTwinWithoutThePredecessorAcceptsIt() {
        Checkpoint zombies = claim("fenced");
        goOn(claim("fenced"), 1_100);
        assertThat(twin(WITHOUT_PREDECESSOR, zombies.generation() + 1).join()).isEqualTo(1);
        assertThat(number("min(generation)")).isEqualTo(zombies.generation() + 1);
    }

    /** Those that the trim removes are still there for who looks before it is committed. */
    @Test
    void aTrimIsWaitedForAndATwinThatOnlyLooksIsNotStopped() throws Exception {
        Checkpoint zombies = claim("fenced");
        goOn(claim("fenced"), 20);
        for (boolean holds : new boolean[] {true, false}) {
            long stale = zombies.generation() + 1;
            try (Connection trim = server.connect();
                    Statement statement = trim.createStatement()) {
                trim.setAutoCommit(false);
                statement.execute("delete from outbox.checkpoint where generation < 10");
                CompletableFuture<?> stored =
                        holds ? append(zombies.next(zombies.position())).toFuture() : twin(WITHOUT_LOCK, stale);
                awaitWaiting();
                if (holds) {
                    trim.commit();
                    assertThatThrownBy(stored::join).hasCauseInstanceOf(StaleLeaderException.class);
                    assertThat(number("min(generation)")).isEqualTo(10);
                    restore(0, 9);
                } else {
                    trim.commit();
                    assertThat(stored.join()).isEqualTo(1L);
                    assertThat(number("min(generation)")).isEqualTo(stale);
                }
            }
        }
    }

    /** It has locked the one before its own; the trim locks in the same order, so the fence is decided first. */
    @Test
    void aTrimWaitsForWhoHasLookedAndNeitherIsSentAway() throws Exception {
        Checkpoint zombies = claim("fenced");
        goOn(claim("fenced"), 20);
        try (Connection zombie = server.connect();
                Statement statement = zombie.createStatement()) {
            zombie.setAutoCommit(false);
            statement.execute(
                    "select from outbox.checkpoint where generation = " + zombies.generation() + " for key share");
            CompletableFuture<Long> trim =
                    database.update(Checkpoints.TRIM, "fenced", 10L).toFuture();
            awaitWaiting();
            assertThatThrownBy(() -> statement.execute("""
                            insert into outbox.checkpoint (subscription, generation, done, barrier, high, last, instance, system_identifier)
                            values ('fenced', %d, '3:3:', '3', 0, 0, 'zombie', 1)""".formatted(zombies.generation() + 1)))
                    .isInstanceOfSatisfying(
                            SQLException.class,
                            refused -> assertThat(refused.getSQLState()).isEqualTo("23505"));
            zombie.rollback();
            assertThat(trim.join()).isEqualTo(10);
        }
    }

    @Test
    void onlyAClaimStoresTheFirstAndOnlyIfThereIsNone() {
        TestLog.register(server, "fenced");
        assertStale(new Checkpoint("fenced", 0, Position.BEGINNING));
        assertThat(claim("fenced").generation()).isZero();
        assertThatThrownBy(() -> await(database.inTransaction(
                        connection -> checkpoints.begin(connection, "fenced", Position.BEGINNING, "test"))))
                .isInstanceOf(StaleLeaderException.class);
    }

    @Test
    void aSubscriptionThatIsForgottenAndMadeAgainGoesOnBehindItsLastGeneration() {
        Checkpoint zombies = goOn(claim("fenced"), 3);
        server.execute("delete from outbox.checkpoint where subscription = 'fenced'");
        server.execute("delete from outbox.subscription where name = 'fenced'");
        assertStale(zombies.next(zombies.position()));
        Checkpoint anew = claim("fenced");
        assertThat(anew.generation()).isEqualTo(zombies.generation() + 2); // begun, and claimed
        assertStale(zombies.next(zombies.position()));
        goOn(anew, 5);
        assertStale(zombies.next(zombies.position()));
    }

    @Test
    void soItDoesAfterATruncate() throws SQLException {
        Checkpoint zombies = goOn(claim("fenced"), 3);
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            assertThatThrownBy(() -> statement.execute("truncate outbox.checkpoint"))
                    .hasMessageContaining("READ COMMITTED");
        }
        server.execute("truncate outbox.checkpoint");
        assertThat(claim("fenced").generation()).isEqualTo(zombies.generation() + 1);
        assertStale(zombies.next(zombies.position()));
    }

    @Test
    void aSubscriptionThatIsRenamedTakesItsGenerationsAlongAndLeavesItsLast() {
        Checkpoint zombies = goOn(claim("fenced"), 3);
        TestLog.register(server, "renamed");
        server.execute("update outbox.checkpoint set subscription = 'renamed' where subscription = 'fenced'");
        assertStale(zombies.next(zombies.position()));
        assertThat(claim("renamed").generation()).isEqualTo(zombies.generation() + 1);
        assertThat(claim("fenced").generation()).isEqualTo(zombies.generation() + 1);
        assertStale(zombies.next(zombies.position()));
    }

    /** What stale leaders remember of the new name would be a place to store on. */
    @Test
    void aNameThatHasHadCheckpointsTakesOverOnlyHigherOnes() {
        Checkpoint zombies = goOn(claim("fenced"), 3);
        claim("other");
        String rename = "update outbox.checkpoint set subscription = 'fenced'%s where subscription = 'other'";
        assertThatThrownBy(() -> server.execute(rename.formatted(", generation = generation + 100")))
                .hasStackTraceContaining("fenced has had checkpoints of its own");
        server.execute("delete from outbox.checkpoint where subscription = 'fenced'");
        assertThatThrownBy(() -> server.execute(rename.formatted("")))
                .hasStackTraceContaining("fenced has had checkpoints of its own");
        server.execute(rename.formatted(", generation = generation + 100"));
        assertStale(zombies.next(zombies.position()));
        assertThat(claim("fenced").generation()).isEqualTo(102);
    }

    /** Of those who claim after each other the second would not see what the first has stored. */
    @Test
    void whoWaitsToClaimSeesWhatWasStoredMeanwhileWhateverTheDatabasesDefaultIs() throws Exception {
        Checkpoint last = claim("fenced");
        server.execute("alter database " + server.name() + " set default_transaction_isolation = 'repeatable read'");
        ConnectionPool strict = server.pool(2);
        try (Connection first = server.connect();
                Statement statement = first.createStatement()) {
            first.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            first.setAutoCommit(false);
            statement.execute("select pg_advisory_xact_lock(hashtextextended('fenced', 11314))");
            Database units = new Database(strict, SOON);
            CompletableFuture<Checkpoint> claim = TestLog.claims(units)
                    .claim("fenced", "handler", Wanted.ALL, "second")
                    .toFuture();
            awaitWaiting();
            goOn(last, 5);
            first.commit();
            assertThat(claim.join().generation()).isEqualTo(last.generation() + 6);
        } finally {
            strict.dispose();
        }
    }

    /** Here a checkpoint is a transaction of its own, of the database's default. */
    @Test
    void aTrimIsWaitedForWhateverTheDatabasesDefaultIs() throws Exception {
        Checkpoint zombies = claim("fenced");
        goOn(claim("fenced"), 20);
        server.execute("alter database " + server.name() + " set default_transaction_isolation = 'repeatable read'");
        ConnectionPool strict = server.pool(1);
        try (Connection trim = server.connect();
                Statement statement = trim.createStatement()) {
            trim.setAutoCommit(false);
            statement.execute("delete from outbox.checkpoint where generation < 10");
            CompletableFuture<Void> stored = new Checkpoints(new Database(strict, SOON))
                    .append(zombies.next(zombies.position()), "zombie")
                    .toFuture();
            awaitWaiting();
            trim.commit();
            assertThatThrownBy(stored::join).isInstanceOf(CompletionException.class);
            assertThat(number("min(generation)")).isEqualTo(10);
        } finally {
            strict.dispose();
        }
    }

    /** What is in memory would be ahead of what a crash leaves. */
    @Test
    void theCommitOfACheckpointIsWaitedForWhateverTheDefaultOfTheRoleIs() {
        server.execute("alter database " + server.name() + " set synchronous_commit = off");
        ConnectionPool hasty = server.pool(1);
        Database units = new Database(hasty, SOON);
        Checkpoints of = new Checkpoints(units);
        Checkpoint first = claim("fenced");
        Mono<String> setting = units.inTransaction(connection -> show(connection)
                .flatMap(before -> of.append(connection, first.next(first.position()), "test")
                        .then(Mono.defer(() -> show(connection)))
                        .map(after -> before + " " + after)));
        assertThat(await(setting)).isEqualTo("off on");
        assertThat(await(units.run(FenceIntegrationTests::show))).isEqualTo("off");
        hasty.dispose();
    }

    /** The transaction that applies it has stored a checkpoint: it must not commit with nothing to show for it. */
    @Test
    void anActionThatIsGoneOrAppliedIsNotApplied() {
        Checkpoint last = claim("fenced");
        Actions actions = new Actions(database, database);
        for (String meanwhile : new String[] {
            "delete from outbox.action",
            "update outbox.action set applied_at = now(), applied_by = 'somebody', result = '{}'"
        }) {
            await(actions.ask("fenced", Action.Name.PAUSE, Arguments.NONE, null, "test", null));
            Action action = await(actions.next("fenced"));
            server.execute(meanwhile);
            assertThatThrownBy(() -> await(database.inTransaction(connection -> checkpoints
                            .append(connection, last.next(last.position()), "test")
                            .then(Mono.defer(() -> actions.applied(connection, action, "test", "{}")))
                            .thenReturn(true))))
                    .isInstanceOf(ActionGoneException.class);
            assertThat(number("max(generation)")).isEqualTo(last.generation());
        }
    }

    private static Mono<String> show(PostgresqlConnection connection) {
        return Database.rows(
                        connection,
                        row -> requireNonNull(row.get("setting", String.class)),
                        "select current_setting('synchronous_commit') as setting")
                .single();
    }

    private Checkpoint claim(String name) {
        return await(TestLog.claims(database).claim(name, "handler", Wanted.ALL, "test"));
    }

    private Checkpoint goOn(Checkpoint from, int count) {
        Checkpoint last = from;
        for (int i = 0; i < count; i++) {
            last = last.next(last.position());
            await(append(last).thenReturn(true));
        }
        return last;
    }

    private Mono<Void> append(Checkpoint checkpoint) {
        return checkpoints.append(checkpoint, "test");
    }

    private CompletableFuture<Long> twin(String sql, long generation) {
        return database.update(sql, "fenced", generation).toFuture();
    }

    private void restore(int from, int to) {
        server.execute("""
                insert into outbox.checkpoint (subscription, generation, done, barrier, high, last, instance, system_identifier)
                select 'fenced', n, '3:3:', '3', 0, 0, 'test', system_identifier
                from generate_series(%d, %d) n, pg_control_system()""".formatted(from, to));
    }

    private void assertStale(Checkpoint checkpoint) {
        assertThatThrownBy(() -> await(append(checkpoint).thenReturn(true))).isInstanceOf(StaleLeaderException.class);
    }

    private long number(String what) {
        return server.number("select " + what + " from outbox.checkpoint where subscription = 'fenced'");
    }

    private void awaitWaiting() {
        await(() -> server.number("select count(*) from pg_stat_activity"
                        + " where datname = current_database() and wait_event_type = 'Lock'")
                > 0);
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(SOON));
    }
}
