package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class DatabaseIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    private final TestDatabase server = TestDatabase.fresh();
    private final ConnectionPool pool = server.pool(1);
    private final Database database = new Database(pool, Duration.ofSeconds(2));

    @AfterEach
    void allConnectionsAreFree() {
        assertThat(pool.getMetrics().orElseThrow().acquiredSize()).isZero();
        pool.dispose();
    }

    @Test
    void aTransactionCommitsWhenItsWorkCompletes() {
        Mono<Long> work = database.inTransaction(connection -> Database.update(connection, ship(), 1L));
        StepVerifier.create(work).expectNext(1L).expectComplete().verify(SOON);
        assertThat(status(1)).isEqualTo("shipped");
    }

    @Test
    void aTransactionRollsBackWhenItsWorkFailsAndTheNextBorrowerSeesNothingOfIt() {
        Mono<Long> work = database.inTransaction(connection ->
                Database.update(connection, ship(), 1L).then(Mono.error(new IllegalStateException("no"))));
        StepVerifier.create(work).expectErrorMessage("no").verify(SOON);
        StepVerifier.create(database.update(ship(), 2L))
                .expectNext(1L)
                .expectComplete()
                .verify(SOON);
        assertThat(List.of(status(1), status(2))).containsExactly("created", "shipped");
    }

    @Test
    void aTransactionIsReadCommittedWhateverTheDefaultIs() {
        server.execute("alter database " + server.name() + " set default_transaction_isolation = 'repeatable read'");
        String isolation = "select current_setting('transaction_isolation') as level where $1";
        StepVerifier.create(database.query(row -> row.get("level", String.class), isolation, true))
                .expectNext(List.of("repeatable read"))
                .expectComplete()
                .verify(SOON);
        StepVerifier.create(database.inTransaction(connection -> Database.rows(
                                connection, row -> row.get("level", String.class), isolation, true)
                        .single()))
                .expectNext("read committed")
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aCancelledUnitRunsToItsEnd() {
        Disposable cancelled =
                database.query(row -> 1, "select pg_sleep(0.3), $1", "x").subscribe();
        cancelled.dispose();
        StepVerifier.create(database.query(row -> 2, "select $1", "x"))
                .expectNext(List.of(2))
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aUnitThatOverrunsItsDeadlineFailsAndGivesUpItsConnection() {
        StepVerifier.create(database.query(row -> 1, "select pg_sleep(30), $1", "x"))
                .expectError(DatabaseUnavailableException.class)
                .verify(SOON);
        StepVerifier.create(database.query(row -> 2, "select $1", "x"))
                .expectNext(List.of(2))
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void theDeadlineCountsFromTheSubscription() {
        Mono<List<Integer>> prepared = database.query(row -> 1, "select pg_sleep(0.5), $1", "x");
        StepVerifier.create(Mono.delay(Duration.ofSeconds(2)).then(prepared))
                .expectNext(List.of(1))
                .expectComplete()
                .verify(SOON);
    }

    private static String ship() {
        return "update orders set status = 'shipped' where id = $1";
    }

    private String status(long id) {
        return server.value("select status from orders where id = " + id);
    }
}
