package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.log.Event;
import dev.outbox.log.Page;
import dev.outbox.log.TestLog;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;

class KeyedDispatcherTests {

    private static final Duration SOON = Duration.ofSeconds(5);

    private final List<Long> started = new ArrayList<>();
    private final Map<Long, Sinks.Empty<Void>> inHand = new HashMap<>();

    @Test
    void keysGoSideBySideAndOneKeyInOrder() {
        Page page = TestLog.page(event(1, "a"), event(2, "a"), event(3, "b"));
        StepVerifier.create(dispatcher(10).dispatch(Flux.just(page)))
                .then(() -> assertThat(started).containsExactly(1L, 3L))
                .then(() -> finish(3))
                .then(() -> assertThat(started).containsExactly(1L, 3L))
                .then(() -> finish(1))
                .expectNext(page.after(1))
                .then(() -> assertThat(started).containsExactly(1L, 3L, 2L))
                .then(() -> finish(2))
                .expectNext(page.after())
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void theConcurrencyBoundsWhatIsInFlight() {
        Page page = TestLog.page(event(1, "a"), event(2, "b"), event(3, "c"));
        StepVerifier.create(dispatcher(2).dispatch(Flux.just(page)))
                .then(() -> assertThat(started).containsExactly(1L, 2L))
                .then(() -> finish(2))
                .then(() -> assertThat(started).containsExactly(1L, 2L, 3L))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void thePositionNeverPassesAnEventThatIsNotDone() {
        Page first = TestLog.page(event(1, "a"), event(2, "b"));
        Page second = TestLog.page(event(3, "c"));
        StepVerifier.create(dispatcher(10).dispatch(Flux.just(first, second)))
                .then(() -> finish(2))
                .then(() -> finish(3))
                .expectNoEvent(Duration.ofMillis(1))
                .then(() -> finish(1))
                .expectNext(second.after())
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aPageWithNothingWantedMovesThePosition() {
        Page page = TestLog.page();
        StepVerifier.create(dispatcher(10).dispatch(Flux.just(page)))
                .expectNext(page.after())
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aFurtherPageIsAskedForOnlyWhileThereIsRoom() {
        TestPublisher<Page> pages = TestPublisher.create();
        StepVerifier.create(new KeyedDispatcher(this::deliver, 10, 2, 100).dispatch(pages.flux()))
                .then(() -> pages.assertMinRequested(1))
                .then(() -> pages.next(TestLog.page(event(1, "a"), event(2, "b"))))
                .then(() -> pages.assertMaxRequested(0))
                .then(() -> finish(1))
                .expectNextCount(1)
                .then(() -> pages.assertMinRequested(1))
                .thenCancel()
                .verify(SOON);
        pages.assertCancelled();
    }

    @Test
    void anEventThatTakesLongHoldsABoundedNumberBehindIt() {
        TestPublisher<Page> pages = TestPublisher.create();
        StepVerifier.create(new KeyedDispatcher(this::deliver, 10, 10, 4).dispatch(pages.flux()))
                .then(() -> pages.next(TestLog.page(event(1, "stuck"), event(2, "a"))))
                .then(() -> finish(2))
                .then(() -> pages.assertMinRequested(1))
                .then(() -> pages.next(TestLog.page(event(3, "b"), event(4, "c"))))
                .then(() -> finish(3))
                .then(() -> finish(4))
                .then(() -> pages.assertMaxRequested(0))
                .then(() -> finish(1))
                .expectNextCount(1)
                .then(() -> pages.assertMinRequested(1))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void cancellingCancelsWhatIsInFlight() {
        AtomicInteger cancelled = new AtomicInteger();
        KeyedDispatcher dispatcher =
                new KeyedDispatcher(event -> Mono.<Void>never().doOnCancel(cancelled::incrementAndGet), 10, 10, 100);
        StepVerifier.create(dispatcher.dispatch(
                        Flux.just(TestLog.page(event(1, "a"), event(2, "b"))).concatWith(Flux.never())))
                .then(() -> assertThat(cancelled).hasValue(0))
                .thenCancel()
                .verify(SOON);
        assertThat(cancelled).hasValue(2);
    }

    @Test
    void anErrorOfADeliveryEndsTheDispatch() {
        KeyedDispatcher dispatcher = new KeyedDispatcher(event -> Mono.error(new IllegalStateException()), 10, 10, 100);
        StepVerifier.create(dispatcher.dispatch(Flux.just(TestLog.page(event(1, "a")))))
                .expectError(IllegalStateException.class)
                .verify(SOON);
    }

    /** Time stands still but for what the test lets pass: deliveries take 0 to 50 ms each, of 5,000 events of 40 keys. */
    @Test
    void everyEventIsDeliveredOnceAndInOrderPerKeyHoweverLongEachTakes() {
        Random random = new Random(42);
        Map<String, Long> latest = new HashMap<>();
        AtomicInteger delivered = new AtomicInteger();
        List<Page> pages = new ArrayList<>();
        long id = 0;
        for (int i = 0; i < 50; i++) {
            Event[] events = new Event[100];
            for (int j = 0; j < events.length; j++) {
                events[j] = event(++id, "key-" + random.nextInt(40));
            }
            pages.add(TestLog.page(events));
        }
        StepVerifier.withVirtualTime(() -> new KeyedDispatcher(
                                event -> Mono.delay(Duration.ofMillis(random.nextInt(50)))
                                        .doOnNext(passed -> {
                                            Long before = latest.put(event.key(), event.id());
                                            assertThat(before == null || before < event.id())
                                                    .isTrue();
                                            delivered.incrementAndGet();
                                        })
                                        .then(),
                                16,
                                200,
                                10_000)
                        .dispatch(Flux.fromIterable(pages))
                        .last())
                .thenAwait(Duration.ofMinutes(10))
                .expectNext(pages.get(49).after())
                .expectComplete()
                .verify(SOON);
        assertThat(delivered).hasValue(5_000);
    }

    private KeyedDispatcher dispatcher(int concurrency) {
        return new KeyedDispatcher(this::deliver, concurrency, 100, 1_000);
    }

    private Mono<Void> deliver(Event event) {
        started.add(event.id());
        Sinks.Empty<Void> end = Sinks.empty();
        inHand.put(event.id(), end);
        return end.asMono();
    }

    private void finish(long id) {
        inHand.remove(id).tryEmitEmpty();
    }

    private static Event event(long id, String key) {
        return TestLog.event(id, key);
    }
}
