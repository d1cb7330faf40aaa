package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Crash;
import dev.outbox.database.Database;
import dev.outbox.database.TestServer;
import dev.outbox.handler.Event;
import dev.outbox.log.EventLog;
import dev.outbox.log.Position;
import dev.outbox.log.StalePositionException;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import dev.outbox.tail.Doorbell;
import dev.outbox.tail.Tail;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.Disposable;

/** A reader polls, as behind a pooler, which does not tell it that the server crashed. */
@Timeout(180)
class CrashedServerIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(15);

    @TempDir
    Path directory;

    private final List<String> read = new CopyOnWriteArrayList<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    @Test
    void aReaderThatGoesOnFromMemoryIsStoppedBeforeItPassesAnythingOver() throws Exception {
        crashUnder(TestLog::behindAPooler);
        Deliveries.await(() -> failure.get() != null, SOON, "the reader to end");
        assertThat(failure.get()).isInstanceOf(StalePositionException.class);
        assertThat(read).hasSize(5);
    }

    /** Now and then the server writes down which transactions run, just before it crashes: then no id is given out again. */
    @Test
    void aReaderThatForgetsTheHistoryPassesCommittedEventsOver() throws Exception {
        for (int attempt = 1; attempt <= 4 && (read.isEmpty() || read.size() == 305); attempt++) {
            read.clear();
            crashUnder(TestLog::withoutHistory);
            Deliveries.await(() -> read.contains("after-300"), SOON, "what has transaction ids that are new");
            System.out.println("a reader without history has read " + (read.size() - 5) + " of 300 events");
            assertThat(failure.get()).isNull();
        }
        assertThat(read).hasSizeLessThan(305);
    }

    private void crashUnder(Function<Database, EventLog> logs) throws Exception {
        try (TestServer server = new TestServer(Files.createTempDirectory(directory, "server"))) {
            TestDatabase database = server.database().migrated();
            write(database, "before", 1, 5);
            try (Crash crash = new Crash(database)) {
                crash.useUpTransactionIds(200);
                EventLog log = logs.apply(new Database(database.pool(4), Duration.ofSeconds(10)));
                Tail tail = new Tail(log, new Doorbell(null), Duration.ofSeconds(1));
                Disposable running = tail.run().subscribe();
                Disposable reading = tail.pages(Position.BEGINNING, Wanted.ALL)
                        .subscribe(
                                page -> page.events().stream().map(Event::key).forEach(read::add), failure::set);
                Deliveries.await(() -> read.size() == 5, SOON, "what was there before");
                crash.now();
                write(database, "after", 1, 300);
                try {
                    Deliveries.await(
                            () -> failure.get() != null || read.contains("after-300"), SOON, "how the reader goes on");
                } finally {
                    reading.dispose();
                    running.dispose();
                }
            }
        }
    }

    /** Each in a transaction of its own. */
    private static void write(TestDatabase database, String key, int from, int to) {
        for (int i = from; i <= to; i++) {
            database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('thing', '"
                    + key + "-" + i + "', 'thing.made', '{}')");
        }
    }
}
