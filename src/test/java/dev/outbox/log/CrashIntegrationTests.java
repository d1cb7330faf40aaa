package dev.outbox.log;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.database.Crash;
import dev.outbox.database.Database;
import dev.outbox.database.TestServer;
import dev.outbox.handler.Event;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Mono;

/** After a crash the server gives out again the transaction ids that left no trace on the disk. */
@Timeout(180)
class CrashIntegrationTests {

    @TempDir
    Path directory;

    @Test
    void theHistoryIsAnotherAfterEachCrash() throws Exception {
        try (TestServer server = new TestServer(directory)) {
            TestDatabase database = server.database();
            List<String> histories = new ArrayList<>(List.of(history(database), history(database)));
            assertThat(histories.get(0)).isEqualTo(histories.get(1));
            histories.remove(0);
            Crash.ofABackend(database);
            histories.add(history(database));
            server.kill();
            server.start();
            Crash.awaitAnswer(database);
            histories.add(history(database));
            server.stopImmediately();
            server.start();
            Crash.awaitAnswer(database);
            histories.add(history(database));
            System.out.println("histories " + histories + " on " + database.value("show server_version"));
            assertThat(histories).doesNotHaveDuplicates();
        }
    }

    @Test
    void aPositionThatIsRememberedIsRefusedAfterACrashAndAReaderThatComparesTheTimelineAloneIsCaught()
            throws Exception {
        try (TestServer server = new TestServer(directory)) {
            TestDatabase database = server.database().migrated();
            EventLog log = new EventLog(units(database));
            TestLog.register(database, "reader");
            write(database, 5);
            Position stored =
                    await(log.page(Position.BEGINNING, 100, Wanted.ALL, 0)).after();
            await(TestLog.store(units(database), new Checkpoint("reader", 0, stored)));
            try (Crash crash = new Crash(database)) {
                crash.useUpTransactionIds(200);
                Position remembered =
                        await(log.page(stored, 100, Wanted.ALL, 0)).after();
                remembered = remembered.towards(await(log.end()));
                String looked = await(log.snapshot());
                crash.now();
                for (int i = 0; i < 5; i++) {
                    write(database, 1);
                }

                EventLog after = new EventLog(units(database));
                Checkpoints checkpoints = new Checkpoints(units(database));
                Position refused = remembered;
                assertThatThrownBy(() -> await(after.page(refused, 100, Wanted.ALL, 0)))
                        .isInstanceOf(StalePositionException.class);
                assertThatThrownBy(() -> await(checkpoints
                                .append(new Checkpoint("reader", 1, refused), "test")
                                .thenReturn(true)))
                        .isInstanceOf(StalePositionException.class);
                assertThat(await(after.snapshot())).isNotEqualTo(looked);
                Checkpoint loaded = await(checkpoints.latest("reader"));
                assertThat(await(after.page(loaded.position(), 100, Wanted.ALL, 0))
                                .events())
                        .hasSize(5);

                assertThat(timeline(requireNonNull(refused.history()))).isEqualTo(timeline(history(database)));
                List<Event> found =
                        await(after.page(refused.on(null), 100, Wanted.ALL, 0)).events();
                System.out.println("a reader that compares the timeline alone reads " + found.size() + " of 5 events");
                assertThat(found).hasSizeLessThan(5);
            }
        }
    }

    private static String timeline(String history) {
        return history.substring(0, history.indexOf('/'));
    }

    private static String history(TestDatabase database) {
        return database.value("select " + ServerHistory.SQL);
    }

    private static Database units(TestDatabase database) {
        return new Database(database.pool(2), Duration.ofSeconds(10));
    }

    private static void write(TestDatabase database, int count) {
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', n, 'thing.made', '{}' from generate_series(1, " + count + ") n");
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(10)));
    }
}
