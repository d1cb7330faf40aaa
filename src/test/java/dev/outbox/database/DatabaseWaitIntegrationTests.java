package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import io.r2dbc.spi.ConnectionFactoryOptions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class DatabaseWaitIntegrationTests {

    private static final Duration LONG = Duration.ofSeconds(30);

    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void aDatabaseThatIsThereIsNotWaitedFor(CapturedOutput output) {
        DatabaseWait.untilItAnswers(address(database.r2dbcUrl(), TestDatabase.USER), LONG);
        assertThat(output).doesNotContain("Waiting for the database");
    }

    @Test
    void aDatabaseThatIsLateIsWaitedForAndTheLogSaysSo(CapturedOutput output) throws Exception {
        try (Door door = new Door(database)) {
            door.shut();
            CompletableFuture<Void> wait =
                    CompletableFuture.runAsync(() -> DatabaseWait.untilItAnswers(through(door), LONG));
            while (!output.toString().contains("Waiting for the database")) {
                assertThat(wait).isNotDone();
                Thread.sleep(20);
            }
            door.open();
            wait.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aDatabaseThatNeverComesIsGivenUp() {
        try (Door door = new Door(database)) {
            door.shut();
            assertThatThrownBy(() -> DatabaseWait.untilItAnswers(through(door), Duration.ofSeconds(1)))
                    .isInstanceOf(NoDatabaseException.class)
                    .hasMessageContaining("did not answer within 1 s")
                    .hasMessageContaining("localhost:" + door.port());
        }
    }

    @Test
    void aRefusalThatWaitingDoesNotMendFailsAtOnceInTheServersWords() {
        String unknown = database.r2dbcUrl() + "_unknown";
        assertThatThrownBy(() -> DatabaseWait.untilItAnswers(address(unknown, TestDatabase.USER), LONG))
                .isInstanceOf(NoDatabaseException.class)
                .hasMessageContaining("refuses the connection")
                .hasMessageContaining("does not exist");

        database.execute("drop role if exists no_entry; create role no_entry nologin");
        assertThatThrownBy(() -> DatabaseWait.untilItAnswers(address(database.r2dbcUrl(), "no_entry"), LONG))
                .isInstanceOf(NoDatabaseException.class)
                .hasMessageContaining("refuses the connection");
    }

    private JdbcAddress through(Door door) {
        return address(new TestDatabase("localhost", door.port(), database.name()).r2dbcUrl(), TestDatabase.USER);
    }

    private static JdbcAddress address(String url, String user) {
        return JdbcAddress.of(ConnectionFactoryOptions.parse(url)
                .mutate()
                .option(ConnectionFactoryOptions.USER, user)
                .option(ConnectionFactoryOptions.PASSWORD, TestDatabase.PASSWORD)
                .build());
    }
}
