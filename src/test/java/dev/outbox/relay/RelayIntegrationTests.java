package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.tail.DoorbellIntegrationTests;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class RelayIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(5);

    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void aChangeReachesTheHandler() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id = 1");
            Event event = handler.await(any -> true, SOON);
            assertThat(event.type()).isEqualTo("order.shipped");
            assertThat(event.key()).isEqualTo("1");
        }
    }

    @Test
    void whatHappenedWhileNobodyRanIsDeliveredAtTheNextStartAndNothingTwice() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id = 1");
            handler.awaitCount(1, SOON);
        }
        database.execute("update orders set status = 'shipped' where id = 2");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id = 3");
            handler.awaitCount(3, SOON);
        }
        assertThat(handler.events).extracting(Event::key).containsExactly("1", "2", "3");
    }

    @Test
    void aFailedEventHoldsBackItsKeyOnly() {
        AtomicInteger failures = new AtomicInteger(3);
        RecordingHandler handler = new RecordingHandler("failing") {
            @Override
            public Mono<Void> handle(Event event) {
                return event.key().equals("1") && failures.getAndDecrement() > 0
                        ? Mono.error(new IllegalStateException("not now"))
                        : super.handle(event);
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'backorder' where id = 1");
            database.execute("update orders set status = 'shipped' where id = 1");
            database.execute("update orders set status = 'shipped' where id = 2");
            handler.awaitCount(3, SOON);
        }
        assertThat(handler.events).extracting(Event::key).containsExactly("2", "1", "1");
        assertThat(handler.events)
                .filteredOn(event -> event.key().equals("1"))
                .extracting(Event::type)
                .containsExactly("order.backordered", "order.shipped");
    }

    /** The bell would make the first phase fail; so who commits in two phases says that it does not ring. */
    @Test
    void anEventOfATwoPhaseCommitIsDeliveredByTheSafetyPoll() throws Exception {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, List.of(handler), List.of());
                Connection writer = database.connect();
                Statement sql = writer.createStatement()) {
            Deliveries.await(() -> DoorbellIntegrationTests.somebodySleeps(database), SOON, "a sleeper");
            sql.execute("begin; update orders set status = 'shipped' where id = 1");
            assertThatThrownBy(() -> sql.execute("prepare transaction 'rings'")).hasMessageContaining("NOTIFY");
            sql.execute("rollback");

            sql.execute("set outbox.ring = off");
            sql.execute("begin; update orders set status = 'shipped' where id = 2; prepare transaction 'silent'");
            database.execute("update orders set status = 'shipped' where id = 3");
            handler.await(event -> event.key().equals("3"), SOON);
            sql.execute("commit prepared 'silent'");
            handler.await(event -> event.key().equals("2"), SOON);
        }
        assertThat(handler.events).extracting(Event::key).containsExactly("3", "2");
    }
}
