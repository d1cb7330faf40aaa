package dev.outbox.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Page;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedHead;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.Position;
import dev.outbox.log.TestLog;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;
import reactor.test.scheduler.VirtualTimeScheduler;

/** Time stands still but for what a test lets pass. */
class KeyedDispatcherTests {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final RetryPolicy POLICY = RetryPolicy.DEFAULT
            .withDelays(Duration.ofSeconds(1), 2, Duration.ofMinutes(1), 0)
            .withAttempts(3);

    private final List<Long> started = new ArrayList<>();
    private final Map<Long, Sinks.Empty<Void>> inFlight = new HashMap<>();
    private final Map<Long, ParkedEvent> stored = new LinkedHashMap<>();
    private final Sinks.Empty<Void> ending = Sinks.empty();
    private VirtualTimeScheduler time;

    @BeforeEach
    void stopTheClock() {
        time = VirtualTimeScheduler.create();
    }

    @AfterEach
    void dispose() {
        time.dispose();
    }

    @Test
    void keysGoSideBySideAndOneKeyInOrder() {
        Page page = TestLog.page(event(1, "a"), event(2, "a"), event(3, "b"));
        StepVerifier.create(positions(10, page))
                .then(() -> assertThat(started).containsExactly(1L, 3L))
                .then(() -> finish(3))
                .then(() -> assertThat(started).containsExactly(1L, 3L))
                .then(() -> finish(1))
                .expectNext(page.after(1))
                .then(() -> assertThat(started).containsExactly(1L, 3L, 2L))
                .then(() -> finish(2))
                .expectNext(page.after())
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void keysOfDifferentTypesGoSideBySideThoughTheirIdsAreTheSame() {
        Event parcel = new Event(2, "parcel", "a", "parcel.packed", Instant.EPOCH, "{}", null);
        Page page = TestLog.page(event(1, "a"), parcel, event(3, "a"));
        StepVerifier.create(positions(10, page))
                .then(() -> assertThat(started).containsExactly(1L, 2L))
                .then(() -> finish(1))
                .expectNext(page.after(1))
                .then(() -> assertThat(started).containsExactly(1L, 2L, 3L))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void theConcurrencyBoundsWhatIsInFlight() {
        Page page = TestLog.page(event(1, "a"), event(2, "b"), event(3, "c"));
        StepVerifier.create(positions(2, page))
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
        StepVerifier.create(positions(10, first, second))
                .then(() -> finish(2))
                .then(() -> finish(3))
                .expectNoEvent(Duration.ofMillis(1))
                .then(() -> finish(1))
                .expectNext(second.after())
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void aPageWithNothingWantedMovesThePosition() {
        Page page = TestLog.page();
        StepVerifier.create(positions(10, page))
                .expectNext(page.after())
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void aSubscriberThatIsSlowGetsTheLatestOnly() {
        Page first = TestLog.page(event(1, "a"));
        Page second = TestLog.page(event(2, "b"));
        StepVerifier.create(positions(10, first, second), 0)
                .then(() -> finish(1))
                .then(() -> finish(2))
                .thenRequest(1)
                .expectNext(second.after())
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void aFurtherPageIsAskedForOnlyWhileThereIsRoom() {
        TestPublisher<Page> pages = TestPublisher.create();
        StepVerifier.create(dispatch(bounds(10, 2, 100), pages.flux(), this::deliver))
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
    void largeEventsTakeUpMoreOfTheRoom() {
        TestPublisher<Page> pages = TestPublisher.create();
        StepVerifier.create(dispatch(bounds(10, 5, 100), pages.flux(), this::deliver))
                .then(() -> pages.next(TestLog.page(ofFour(1, "a"), ofFour(2, "b"))))
                .then(() -> pages.assertMaxRequested(0))
                .then(() -> finish(1))
                .expectNextCount(1)
                .then(() -> pages.assertMinRequested(1))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void anEventThatTakesLongHoldsFewerLargeOnesBehindIt() {
        TestPublisher<Page> pages = TestPublisher.create();
        StepVerifier.create(dispatch(bounds(10, 10, 8), pages.flux(), this::deliver))
                .then(() -> pages.next(TestLog.page(event(1, "stuck"), ofFour(2, "a"), ofFour(3, "b"))))
                .then(() -> finish(2))
                .then(() -> finish(3))
                .then(() -> pages.assertMaxRequested(0))
                .then(() -> finish(1))
                .expectNextCount(1)
                .then(() -> pages.assertMinRequested(1))
                .thenCancel()
                .verify(SOON);
    }

    private static Event ofFour(long id, String key) {
        Event large = event(id, key);
        return new Event(id, large.aggregateType(), key, large.type(), large.occurredAt(), "x".repeat(3 * 1_024), null);
    }

    @Test
    void anEventThatTakesLongHoldsABoundedNumberBehindIt() {
        TestPublisher<Page> pages = TestPublisher.create();
        StepVerifier.create(dispatch(bounds(10, 10, 4), pages.flux(), this::deliver))
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
        StepVerifier.create(dispatch(
                        bounds(10, 10, 100),
                        endless(TestLog.page(event(1, "a"), event(2, "b"))),
                        event -> Mono.<Void>never().doOnCancel(cancelled::incrementAndGet)))
                .then(() -> assertThat(cancelled).hasValue(0))
                .thenCancel()
                .verify(SOON);
        assertThat(cancelled).hasValue(2);
    }

    @Test
    void aFailedEventIsParkedAndTheLaterOnesOfItsKeyWaitBehindItWhileTheOthersGoOn() {
        Page page = TestLog.page(event(1, "bad"), event(2, "bad"), event(3, "good"));
        Page later = TestLog.page(event(4, "bad"), event(5, "good"));
        StepVerifier.create(progress(10, page, later))
                .then(() -> finish(3))
                .then(() -> fail(1, new IllegalStateException("not now")))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(later.after(1)))
                .then(() -> finish(5))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(later.after()))
                .then(() -> assertThat(states()).containsExactly("1 RETRYING 1", "2 BLOCKED 0", "4 BLOCKED 0"))
                .then(() -> pass(999))
                .then(() -> assertThat(started).containsExactly(1L, 3L, 5L))
                .then(() -> pass(1))
                .then(() -> assertThat(started).containsExactly(1L, 3L, 5L, 1L))
                .then(() -> finish(1))
                .expectNextCount(1)
                .then(() -> assertThat(started).endsWith(1L, 2L))
                .then(() -> finish(2))
                .expectNextCount(1)
                .then(() -> assertThat(started).endsWith(2L, 4L))
                .then(() -> finish(4))
                .expectNextCount(1)
                .then(() -> assertThat(states()).isEmpty())
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void anEventThatIsParkedAlreadyIsNotDeliveredFromTheLogToo() {
        Page page = TestLog.page(event(1, "bad"), event(2, "good"));
        ParkedKeys parked = parked(Parked.NOTHING);
        parked.expect(List.of(parkedEvent(1, "bad", ParkedEvent.State.RETRYING, Duration.ofSeconds(9))));
        StepVerifier.create(dispatch(parked, circuit(null), endless(page), this::deliver))
                .then(() -> assertThat(started).containsExactly(2L))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after(1)))
                .then(() -> finish(2))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after()))
                .then(() -> pass(9_000))
                .then(() -> assertThat(started).containsExactly(2L, 1L))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void anEventThatTakesTooLongIsCancelledAndParked() {
        AtomicInteger cancelled = new AtomicInteger();
        Page page = TestLog.page(event(1, "slow"));
        StepVerifier.create(dispatch(
                        bounds(10, 10, 100),
                        endless(page),
                        event -> Mono.<Void>never().doOnCancel(cancelled::incrementAndGet)))
                .then(() -> pass(29_999))
                .then(() -> assertThat(cancelled).hasValue(0))
                .then(() -> pass(1))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after()))
                .then(() -> assertThat(cancelled).hasValue(1))
                .then(() -> assertThat(stored.get(1L).error()).contains("did not end in time"))
                .thenCancel()
                .verify(SOON);
    }

    /** The end of one comes while the alarm of both is worked off: it counted as timed out, and was delivered twice. */
    @Test
    void anEventThatEndedInTimeIsDoneThoughItsEndIsNoticedBehindTheAlarm() {
        Page page = TestLog.page(event(1, "slow"), event(2, "just in time"));
        StepVerifier.create(dispatch(
                        bounds(10, 10, 100),
                        endless(page),
                        event -> event.id() == 1 ? Mono.<Void>never().doOnCancel(() -> finish(2)) : deliver(event)))
                .then(() -> pass(30_000))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after()))
                .then(() -> assertThat(states()).containsExactly("1 RETRYING 1"))
                .thenCancel()
                .verify(SOON);
    }

    @Test
    void aDestinationThatIsDownOpensTheCircuitAndHoldsTheEventsInPlace() {
        Event[] events = new Event[30];
        for (int i = 0; i < events.length; i++) {
            events[i] = event(i + 1, "key-" + i);
        }
        progress(16, TestLog.page(events)).subscribe();
        failAll(16);
        assertThat(states()).hasSize(10); // those that opened it; the other 6 keep their place
        failAll(9); // those that began before it was open
        assertThat(states()).hasSize(10);
        assertThat(inFlight).isEmpty();
        pass(999);
        assertThat(inFlight).isEmpty();
        pass(1);
        assertThat(inFlight).hasSize(1); // the probe
        failAll(1);
        pass(1_999);
        assertThat(inFlight).isEmpty();
        pass(1);
        assertThat(states()).hasSize(11); // the probe too, so that the next one is another
        finishAll();
        assertThat(inFlight).hasSize(16); // closed: everything goes on
        assertThat(states()).hasSize(11);
    }

    @Test
    void retriesOfBadKeysOpenNoCircuitAndTheirEventsDie() {
        Circuit circuit = circuit(null);
        dispatch(
                        parked(Parked.NOTHING),
                        circuit,
                        endless(TestLog.page(event(1, "a"), event(2, "b"), event(3, "c"), event(4, "d"))),
                        event -> Mono.error(new IllegalStateException("bad")))
                .subscribe();
        pass(60_000);
        assertThat(circuit.isOpen()).isFalse();
        assertThat(states()).containsExactly("1 DEAD 3", "2 DEAD 3", "3 DEAD 3", "4 DEAD 3");
    }

    /** The one that would be delivered comes behind 20 that never are. */
    @Test
    void noBadEventIsTheProbeForEver() {
        Event[] events = new Event[21];
        for (int i = 0; i < events.length; i++) {
            events[i] = event(i + 1, "key-" + i);
        }
        List<Long> delivered = new ArrayList<>();
        dispatch(
                        bounds(1, 100, 1_000),
                        endless(TestLog.page(events)),
                        event -> event.id() < 21
                                ? Mono.error(new IllegalStateException("bad"))
                                : Mono.fromRunnable(() -> delivered.add(event.id())))
                .subscribe();
        pass(10 * 30_000 + 31_000);
        assertThat(delivered).containsExactly(21L);
    }

    @Test
    void aNewEventNeedNotWaitBecauseAParkedOneFailedAsTheProbe() {
        Circuit circuit = circuit("down");
        circuit.probeFailed(true);
        assertThat(circuit.mayProbe(true)).isFalse();
        assertThat(circuit.mayProbe(false)).isTrue();
        circuit.probeFailed(false);
        assertThat(circuit.mayProbe(false)).isFalse();
    }

    @Test
    void aSingleBadKeyDoesNotOpenTheCircuit() {
        Circuit circuit = circuit(null);
        for (int i = 0; i < 100; i++) {
            circuit.failed(TestLog.aggregate("bad"), new IllegalStateException());
        }
        assertThat(circuit.isOpen()).isFalse();
    }

    @Test
    void atTheEndWhatIsInFlightEndsAndWhatWasOvertakenIsParked() {
        TestPublisher<Page> pages = TestPublisher.create();
        Page page = TestLog.page(event(1, "a"), event(2, "a"), event(3, "b"), event(4, "b"));
        StepVerifier.create(dispatch(bounds(10, 10, 100), pages.flux(), this::deliver))
                .then(() -> pages.next(page))
                .then(() -> finish(3))
                .then(pages::complete)
                .then(() -> finish(1))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after(1)))
                .then(() -> assertThat(started).containsExactly(1L, 3L, 4L))
                .then(() -> finish(4))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after()))
                .expectComplete()
                .verify(SOON);
        assertThat(states()).containsExactly("2 RETRYING 0");
    }

    /** The end is not behind the pages: without room nobody asks for these. */
    @Test
    void itEndsAtOnceThoughThereIsNoRoomForThePageUnderWay() {
        TestPublisher<Page> pages = TestPublisher.create();
        Page page = TestLog.page(event(1, "a"), event(2, "b"), event(3, "c"));
        StepVerifier.create(dispatch(bounds(1, 2, 100), pages.flux(), this::deliver))
                .then(() -> pages.next(page))
                .then(() -> pages.assertMaxRequested(0))
                .then(ending::tryEmitEmpty)
                .then(() -> assertThat(started).containsExactly(1L))
                .then(() -> finish(1))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after(1)))
                .expectComplete()
                .verify(SOON);
        assertThat(started).containsExactly(1L);
        pages.assertCancelled();
    }

    /** What a policy or an exception throws must not leave the dispatch standing still. */
    @Test
    void whatIsThrownInATurnEndsTheRun() {
        Page page = TestLog.page(event(1, "a"));
        RetryPolicy hostile = new RetryPolicy(
                Duration.ofSeconds(1),
                2,
                Duration.ofSeconds(9),
                0,
                3,
                Duration.ofHours(1),
                RetryPolicy.WhenDead.GO_ON,
                null);
        ParkedKeys parked = new ParkedKeys(
                hostile,
                true,
                () -> Clocks.millis(time),
                () -> {
                    throw new IllegalStateException("no chance");
                },
                Parked.NOTHING);
        StepVerifier.create(dispatch(parked, circuit(null), endless(page), this::deliver))
                .then(() -> fail(1, new IllegalStateException("not now")))
                .expectErrorMessage("no chance")
                .verify(SOON);
    }

    @Test
    @SuppressWarnings({"OverrideThrowableToString", "ToStringReturnsNull"}) // that is what others do
    void anExceptionThatSaysNothingIsAFailureLikeAnother() {
        Page page = TestLog.page(event(1, "a"));
        StepVerifier.create(progress(10, page))
                .then(() -> fail(1, new IllegalStateException("silent") {
                    @Override
                    public String toString() {
                        return null;
                    }
                }))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after()))
                .thenCancel()
                .verify(SOON);
        assertThat(states()).containsExactly("1 RETRYING 1");
    }

    /** One at a time, and 600 that somebody asked for again. */
    @Test
    void newEventsHaveAShareAlsoWhereOneGoesAtATime() {
        List<ParkedHead> replayed = new ArrayList<>();
        for (long id = 1; id <= 600; id++) {
            ParkedEvent event = new ParkedEvent(
                    id,
                    TestLog.aggregate("key-" + id),
                    ParkedEvent.State.RETRYING,
                    0,
                    Duration.ZERO,
                    null,
                    true,
                    Duration.ZERO);
            replayed.add(new ParkedHead(event, id));
        }
        Map<Long, Event> old = new HashMap<>();
        List<Long> order = new ArrayList<>();
        Event[] events = new Event[20];
        for (int i = 0; i < events.length; i++) {
            events[i] = event(1_000 + i, "new-" + i);
        }
        for (long id = 1; id <= 600; id++) {
            old.put(id, event(id, "key-" + id));
        }
        new KeyedDispatcher(
                        new TestDeliverer(
                                event -> Mono.delay(Duration.ofMillis(1), time)
                                        .doOnNext(passed -> order.add(event.id()))
                                        .then(),
                                old,
                                stored),
                        bounds(1, 100, 1_000),
                        time)
                .dispatch(
                        endless(TestLog.page(events)),
                        TestLog.page().before(),
                        new Failures("test", parked(new Parked(replayed, 0, false)), circuit(null)),
                        ending.asMono())
                .subscribe();
        pass(45);
        assertThat(order.stream().filter(id -> id >= 1_000).count()).isEqualTo(20);
        pass(1_000);
        assertThat(order).hasSize(620);
    }

    @Test
    void atTheEndWhatHasNotBegunStaysInTheLog() {
        TestPublisher<Page> pages = TestPublisher.create();
        Page page = TestLog.page(event(1, "a"), event(2, "b"), event(3, "c"));
        StepVerifier.create(dispatch(bounds(1, 10, 100), pages.flux(), this::deliver))
                .then(() -> pages.next(page))
                .then(pages::complete)
                .then(() -> finish(1))
                .assertNext(progress -> assertThat(progress.position()).isEqualTo(page.after(1)))
                .expectComplete()
                .verify(SOON);
        assertThat(states()).isEmpty();
    }

    /** Deliveries take 0 to 50 ms each, and one in five fails at its first attempts, of 5,000 events of 40 keys. */
    @Test
    void everyEventIsDeliveredOnceAndInOrderPerKeyHoweverLongEachTakesAndHoweverOftenItFails() {
        Random random = new Random(42);
        Map<String, Long> latest = new HashMap<>();
        Map<Long, Integer> failures = new HashMap<>();
        AtomicInteger delivered = new AtomicInteger();
        Page[] pages = pages(50, 100, 40, random);
        for (long id = 1; id <= 5_000; id++) {
            failures.put(id, random.nextInt(5) == 0 ? 1 + random.nextInt(2) : 0);
        }
        Function<Event, Mono<Void>> handler =
                event -> Mono.delay(Duration.ofMillis(random.nextInt(50)), time).flatMap(passed -> {
                    if (failures.merge(event.id(), -1, Integer::sum) >= 0) {
                        return Mono.error(new IllegalStateException("not now"));
                    }
                    Long before = latest.put(event.key(), event.id());
                    assertThat(before == null || before < event.id()).isTrue();
                    delivered.incrementAndGet();
                    return Mono.empty();
                });
        List<Progress> progress = new ArrayList<>();
        dispatch(bounds(16, 200, 10_000), endless(pages), handler).subscribe(progress::add);
        time.advanceTimeBy(Duration.ofHours(10));
        assertThat(delivered).hasValue(5_000);
        assertThat(progress.get(progress.size() - 1).position()).isEqualTo(pages[49].after());
        assertThat(states()).isEmpty();
    }

    @Test
    void whatCameFirstStartsFirst() {
        Page page = TestLog.page(event(1, "a"), event(2, "a"), event(3, "b"));
        Page later = TestLog.page(event(4, "c"), event(5, "a"));
        Disposable run = progress(1, page, later).subscribe();
        for (long id = 1; id <= 5; id++) {
            finish(id);
        }
        assertThat(started).containsExactly(1L, 2L, 3L, 4L, 5L);
        run.dispose();
    }

    /** More comes than the handler can take. Else events that wait for others of their key would wait behind all that came after them. */
    @Test
    void thePositionIsNotFarBehindWhatIsDelivered() {
        Random random = new Random(1);
        Page[] pages = pages(40, 1_000, 600, random);
        AtomicInteger delivered = new AtomicInteger();
        AtomicLong farthest = new AtomicLong();
        dispatch(
                        bounds(32, 1_000, 20_000),
                        endless(pages),
                        event -> Mono.delay(Duration.ofMillis(5 + random.nextInt(10)), time)
                                .doOnNext(passed -> delivered.incrementAndGet())
                                .then())
                .subscribe(progress -> farthest.accumulateAndGet(
                        delivered.get() - progress.position().reach(), Math::max));
        time.advanceTimeBy(Duration.ofMinutes(5));
        assertThat(delivered).hasValue(40_000);
        assertThat(farthest.get()).isLessThan(500);
    }

    private Flux<Position> positions(int concurrency, Page... pages) {
        return progress(concurrency, pages).map(Progress::position);
    }

    private Flux<Progress> progress(int concurrency, Page... pages) {
        return dispatch(bounds(concurrency, 100, 1_000), endless(pages), this::deliver);
    }

    private Flux<Progress> dispatch(
            KeyedDispatcher.Bounds bounds, Flux<Page> pages, Function<Event, Mono<Void>> handler) {
        return dispatch(bounds, parked(Parked.NOTHING), circuit(null), pages, handler);
    }

    private Flux<Progress> dispatch(
            ParkedKeys parked, Circuit circuit, Flux<Page> pages, Function<Event, Mono<Void>> handler) {
        return dispatch(bounds(10, 100, 1_000), parked, circuit, pages, handler);
    }

    private Flux<Progress> dispatch(
            KeyedDispatcher.Bounds bounds,
            ParkedKeys parked,
            Circuit circuit,
            Flux<Page> pages,
            Function<Event, Mono<Void>> handler) {
        Map<Long, Event> log = new HashMap<>();
        return new KeyedDispatcher(new TestDeliverer(handler, log, stored), bounds, time)
                .dispatch(
                        pages.doOnNext(page -> page.events().forEach(event -> log.put(event.id(), event))),
                        TestLog.page().before(),
                        new Failures("test", parked, circuit),
                        ending.asMono())
                .doOnNext(this::store);
    }

    private void store(Progress progress) {
        progress.parked().forEach((id, event) -> {
            if (event == null) {
                stored.remove(id);
            } else {
                stored.put(id, event);
            }
        });
    }

    private List<String> states() {
        return stored.values().stream()
                .map(event -> event.eventId() + " " + event.state() + " " + event.attempts())
                .sorted()
                .toList();
    }

    private record TestDeliverer(
            Function<Event, Mono<Void>> handler, Map<Long, Event> log, Map<Long, ParkedEvent> stored)
            implements Deliverer {

        @Override
        public String subscription() {
            return "test";
        }

        @Override
        public Mono<Outcome> attempt(Event event) {
            return Outcome.of(() -> handler.apply(event), POLICY);
        }

        @Override
        public Mono<Event> load(long id) {
            return Mono.justOrEmpty(log.get(id));
        }

        @Override
        public Mono<List<ParkedRow>> next(ParkedKeys.Load load) {
            return Mono.fromSupplier(() -> stored.values().stream()
                    .filter(row -> row.aggregate().equals(load.key()))
                    .filter(row -> row.eventId() > load.after() && row.eventId() <= load.upTo())
                    .sorted(Comparator.comparingLong(ParkedEvent::eventId))
                    .map(row -> new ParkedRow(row, log.get(row.eventId())))
                    .toList());
        }
    }

    private ParkedKeys parked(Parked stored) {
        return new ParkedKeys(POLICY, true, () -> Clocks.millis(time), () -> 0, stored);
    }

    private static ParkedEvent parkedEvent(long id, String key, ParkedEvent.State state, Duration due) {
        return new ParkedEvent(id, TestLog.aggregate(key), state, 1, due, "not now", false, Duration.ZERO);
    }

    private Circuit circuit(String error) {
        return new Circuit(() -> Clocks.millis(time), error);
    }

    private static KeyedDispatcher.Bounds bounds(int concurrency, int room, int window) {
        return new KeyedDispatcher.Bounds(concurrency, room, window, 10_000, Duration.ofSeconds(30));
    }

    private static Page[] pages(int count, int size, int keys, Random random) {
        AtomicLong id = new AtomicLong();
        return Stream.generate(() ->
                        TestLog.page(Stream.generate(() -> event(id.incrementAndGet(), "key-" + random.nextInt(keys)))
                                .limit(size)
                                .toArray(Event[]::new)))
                .limit(count)
                .toArray(Page[]::new);
    }

    private static Flux<Page> endless(Page... pages) {
        return Flux.just(pages).concatWith(Flux.never());
    }

    private Mono<Void> deliver(Event event) {
        started.add(event.id());
        Sinks.Empty<Void> end = Sinks.empty();
        inFlight.put(event.id(), end);
        return end.asMono();
    }

    private void finish(long id) {
        inFlight.remove(id).tryEmitEmpty();
    }

    private void finishAll() {
        List.copyOf(inFlight.keySet()).forEach(this::finish);
    }

    private void fail(long id, Throwable error) {
        inFlight.remove(id).tryEmitError(error);
    }

    private void failAll(int expected) {
        List<Long> ids = List.copyOf(inFlight.keySet());
        assertThat(ids).hasSize(expected);
        ids.forEach(id -> fail(id, new IllegalStateException("down")));
    }

    private void pass(long millis) {
        time.advanceTimeBy(Duration.ofMillis(millis));
    }

    private static Event event(long id, String key) {
        return TestLog.event(id, key);
    }
}
