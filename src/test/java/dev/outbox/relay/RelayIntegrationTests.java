package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.log.Event;
import java.time.Duration;
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
}
