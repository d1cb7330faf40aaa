package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.database.TestServer;
import dev.outbox.database.TestStandby;
import dev.outbox.handler.Event;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The primary dies, and a standby that lacks the last of its log takes its place, at the same address. */
@Timeout(180)
class PromotedStandbyLoadIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(15);

    @TempDir
    Path first;

    @TempDir
    Path second;

    @Test
    void nothingThatIsCommittedOnTheNewLineIsSkipped() throws Exception {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestServer server = new TestServer(first)) {
            TestDatabase old = server.database().migrated();
            try (TestStandby standby = new TestStandby(server, second);
                    Door door = new Door(old);
                    TestRelay relay = TestRelay.with(
                            new TestDatabase("127.0.0.1", door.port(), old.name()), List.of(handler), List.of())) {
                write(old, "kept", 10);
                handler.awaitCount(10, SOON);
                standby.awaitCaughtUp();
                standby.cutOff();
                write(old, "lost", 500);
                handler.awaitCount(510, SOON);
                Deliveries.await(() -> highOf(old) >= 500, SOON, "a checkpoint that will be lost");
                server.kill();
                standby.promote();
                write(standby.database(), "new", 100);
                door.leadTo(standby.database());
                assertThat(standby.database().number("select max(id) from outbox.event"))
                        .isLessThan(500);
                Deliveries.await(() -> keys(handler, "new").size() == 100, SOON, "what the new line has");
                assertThat(keys(handler, "new"))
                        .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(1, 100)
                                .mapToObj(n -> "new-" + n)
                                .toList());
            }
        }
    }

    private static long highOf(TestDatabase database) {
        return database.number("select max(high) from outbox.checkpoint");
    }

    private static List<String> keys(RecordingHandler handler, String line) {
        return handler.events.stream()
                .map(Event::key)
                .filter(key -> key.startsWith(line))
                .distinct()
                .collect(Collectors.toList());
    }

    private static void write(TestDatabase database, String line, int count) {
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)" + " select 'thing', '"
                + line + "-' || n, 'thing.made', '{}' from generate_series(1, " + count + ") n");
    }
}
