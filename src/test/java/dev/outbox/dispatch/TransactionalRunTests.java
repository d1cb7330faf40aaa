package dev.outbox.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryLaterException;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Page;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedHead;
import dev.outbox.log.StaleLeaderException;
import dev.outbox.log.TestLog;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.publisher.Sinks;
import reactor.test.scheduler.VirtualTimeScheduler;

/** Time stands still but for what a test lets pass. */
class TransactionalRunTests {

    private static final Duration WITHIN = Duration.ofSeconds(30);
    private static final RetryPolicy POLICY = RetryPolicy.DEFAULT
            .withDelays(Duration.ofSeconds(1), 2, Duration.ofMinutes(1), 0)
            .withAttempts(3);

    private final Sinks.Many<Page> pages = Sinks.many().unicast().onBackpressureBuffer();
    private final Sinks.Empty<Void> stop = Sinks.empty();

    /** The ids of each batch that the handler was given. */
    private final List<List<Long>> batches = new ArrayList<>();

    private final Map<String, Integer> tries = new HashMap<>();
    private MemoryAccount account = account(Parked.NOTHING, null);
    private VirtualTimeScheduler time;
    private @Nullable Throwable failed;
    private boolean completed;

    @BeforeEach
    void stopTheClock() {
        time = VirtualTimeScheduler.create();
    }

    @AfterEach
    void dispose() {
        time.dispose();
    }

    /** What a handler may do wrong, with the one event or with its connection. */
    @SuppressWarnings("ImmutableEnumChecker") // a Function is no declared immutable
    private enum Misdeed {
        FAILS((connection) -> Mono.error(new IllegalStateException("not now"))),
        THROWS(connection -> {
            throw new IllegalStateException("not even begun");
        }),
        THROWS_AN_ERROR(connection -> {
            throw new NoClassDefFoundError("com/example/Missing");
        }),
        OVERFLOWS(connection -> {
            throw new StackOverflowError();
        }),
        RETURNS_NULL(connection -> null),
        FAILS_TWICE(connection -> Mono.from(subscriber -> {
            subscriber.onSubscribe(Operators.emptySubscription());
            subscriber.onError(new IllegalStateException("once"));
            subscriber.onError(new IllegalStateException("twice"));
        })),
        NEVER_ENDS(connection -> Mono.never()),
        IGNORES_CANCELLATION(
                connection -> Mono.from(subscriber -> subscriber.onSubscribe(Operators.emptySubscription()))),
        NEVER_SAYS_THAT_IT_BEGAN(connection -> Mono.from(subscriber -> {})),
        LOSES_ITS_CONNECTION(connection -> Mono.fromRunnable(() -> MemoryAccount.lose(connection))),
        ROLLS_BACK(connection -> connection.rollbackTransaction());

        private final Function<PostgresqlConnection, @Nullable Mono<Void>> deed;

        Misdeed(Function<PostgresqlConnection, @Nullable Mono<Void>> deed) {
            this.deed = deed;
        }
    }

    @Test
    void aPageIsOneTransactionWithItsCheckpoint() {
        run((event, connection) -> Mono.empty());
        page(event(1, "a"), event(2, "a"), event(3, "b"));
        assertThat(batches).containsExactly(List.of(1L, 2L, 3L));
        assertThat(account.effects).containsExactly(1L, 2L, 3L);
        assertThat(account.last().position().reach()).isEqualTo(3);
        assertThat(account.last().generation()).isEqualTo(1);
        assertThat(account.borrowed).isZero();
    }

    @Test
    void pagesWithoutAWantedEventMoveTheCheckpointNowAndThen() {
        run((event, connection) -> Mono.empty());
        for (int i = 0; i < 100; i++) {
            page();
            pass(10);
        }
        assertThat(account.last().generation()).isBetween(1L, 6L);
    }

    /** Each of them is a failed attempt of that event: the others have their effects, it is dead after three, and its key waits. */
    @ParameterizedTest
    @EnumSource
    void onlyTheKeyOfTheEventThatFailsWaits(Misdeed misdeed) {
        run((event, connection) -> event.id() == 5 ? misdeed.deed.apply(connection) : Mono.empty());
        page(events(1, 16));
        page(event(17, "key-5"), event(18, "key-6"));
        pass(Duration.ofMinutes(5));
        assertThat(account.effects)
                .containsExactlyInAnyOrderElementsOf(
                        ids(1, 18).filter(id -> id != 5 && id != 17).toList());
        assertThat(account.states()).containsExactly("5 DEAD 3", "17 BLOCKED 0");
        assertThat(account.borrowed).isZero();
        assertThat(failed).isNull();
    }

    /** What it commits itself nobody can take back; but it is no success. */
    @Test
    void aHandlerThatCommitsItselfHasFailed() {
        run((event, connection) -> connection.commitTransaction());
        page(event(1, "a"));
        pass(Duration.ofMinutes(5));
        assertThat(account.states()).containsExactly("1 DEAD 3");
        assertThat(account.borrowed).isZero();
    }

    /** The deadline is met once by the page and once by the event alone, and what comes later does not wait for its retries. */
    @Test
    void aHandlerThatNeverEndsHoldsUpItsPageForTwoDeadlines() {
        run((event, connection) -> event.id() == 500 ? Mono.never() : Mono.empty());
        page(events(1, 1_000));
        pass(WITHIN.minusMillis(1));
        assertThat(account.borrowed).isOne();
        assertThat(account.effects).isEmpty();
        pass(1);
        assertThat(account.effects).hasSize(499);
        pass(WITHIN);
        assertThat(account.effects).hasSize(999);
        page(event(1_001, "other"));
        assertThat(account.effects).contains(1_001L);
        pass(WITHIN);
        page(event(1_002, "other"));
        assertThat(account.effects).contains(1_002L);
    }

    /** It was not the one that the batch hung by. */
    @Test
    void anEventThatFailsMeanwhileIsNotTakenForTheOneThatHangs() {
        run((event, connection) -> {
            boolean fails = event.id() == 100 && tries.merge("100", 1, Integer::sum) == 2;
            return event.id() == 500
                    ? Mono.never()
                    : fails ? Mono.error(new IllegalStateException("not now")) : Mono.empty();
        });
        page(events(1, 1_000));
        pass(WITHIN.multipliedBy(2));
        assertThat(account.effects).hasSize(999);
    }

    @Test
    void aParkedEventThatHangsDoesNotHoldUpThePages() {
        run((event, connection) -> event.id() == 1 ? misbehave(2, Mono.never()) : Mono.empty());
        page(event(1, "a"));
        pass(1_000);
        assertThat(account.borrowed).isOne();
        for (long id = 2; id <= 20; id++) {
            page(event(id, "key-" + id));
            assertThat(account.effects).contains(id);
        }
        pass(WITHIN.multipliedBy(2).plusSeconds(10));
        assertThat(account.borrowed).isZero();
        assertThat(account.states()).containsExactly("1 DEAD 3");
    }

    /** Fails at first, and does the deed from the so manieth call on. */
    private Mono<Void> misbehave(int from, Mono<Void> deed) {
        return tries.merge("misbehave", 1, Integer::sum) < from
                ? Mono.error(new IllegalStateException("not now"))
                : deed;
    }

    /** Once it may have been the server's doing. */
    @Test
    void aConnectionThatIsLostOnceIsNobodysFault() {
        run((event, connection) -> {
            if (tries.merge("lost", 1, Integer::sum) == 1) {
                MemoryAccount.lose(connection);
            }
            return Mono.empty();
        });
        page(event(1, "a"));
        assertThat(account.effects).containsExactly(1L);
        assertThat(account.states()).isEmpty();
        assertThat(batches).containsExactly(List.of(1L), List.of(1L));
    }

    @Test
    void eventsOfAKeyWaitBehindTheOneThatFailedAndFollowItInOrder() {
        run((event, connection) -> event.id() == 1 ? misbehave(3, Mono.empty()) : Mono.empty());
        page(event(1, "a"), event(2, "a"), event(3, "b"));
        page(event(4, "a"));
        assertThat(account.effects).containsExactly(3L);
        pass(1_000);
        assertThat(account.effects).containsExactly(3L, 1L, 2L, 4L);
        assertThat(account.states()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MAX_VALUE, Long.MIN_VALUE, 0, -1})
    void aDelayThatAFailureAsksForIsKeptWithinThePolicy(long seconds) {
        run((event, connection) -> Mono.error(new RetryLaterException(Duration.ofSeconds(seconds), "later")));
        page(event(1, "a"));
        pass(Duration.ofMinutes(3));
        assertThat(account.states()).containsExactly("1 DEAD 3");
        assertThat(failed).isNull();
    }

    @Test
    void aPolicyThatFailsItselfSaysNothingOfTheEvent() {
        RetryPolicy hostile = POLICY.withFinal(error -> {
            throw new IllegalStateException("of the policy");
        });
        run(hostile, (event, connection) -> Mono.error(new IllegalStateException("not now")));
        page(event(1, "a"));
        pass(Duration.ofMinutes(3));
        assertThat(account.states()).containsExactly("1 DEAD 3");
    }

    /** Retries of parked events say nothing of the destination. */
    @Test
    void threePoisonKeysDieByTheirPolicyAndAHealthyEventNeedNotWait() {
        Set<Long> poison = Set.of(1L, 2L, 3L);
        run((event, connection) ->
                poison.contains(event.id()) ? Mono.error(new IllegalStateException("poison")) : Mono.empty());
        page(event(1, "a"), event(2, "b"), event(3, "c"));
        for (long id = 4; id <= 40; id++) {
            pass(500);
            page(event(id, "key-" + id));
            pass(1);
            assertThat(account.effects).contains(id);
        }
        assertThat(account.states()).containsExactly("1 DEAD 3", "2 DEAD 3", "3 DEAD 3");
    }

    @Test
    void whileTheDestinationIsDownOneEventAtATimeFindsOutAndNoAttemptCounts() {
        run((event, connection) ->
                tries.containsKey("down") ? Mono.error(new IllegalStateException("down")) : Mono.empty());
        tries.put("down", 1);
        page(events(1, 100));
        pass(Duration.ofMinutes(2));
        assertThat(account.effects).isEmpty();
        assertThat(account.states().size()).isLessThanOrEqualTo(17);
        assertThat(account.states()).allMatch(state -> state.contains("RETRYING 1"));
        batches.clear();
        pass(Duration.ofMinutes(5));
        assertThat(batches).allMatch(batch -> batch.size() == 1);
        assertThat(batches.size()).isLessThan(25);
        tries.clear();
        pass(Duration.ofSeconds(60));
        assertThat(account.effects)
                .containsExactlyInAnyOrderElementsOf(ids(1, 100).toList());
        assertThat(account.states()).isEmpty();
    }

    @Test
    void aCircuitThatWasOpenWhenTheRunBeganClosesWithTheFirstSuccess() {
        account = account(Parked.NOTHING, "down");
        run((event, connection) -> Mono.empty());
        page(events(1, 50));
        pass(1_000);
        assertThat(account.effects).hasSize(50);
        assertThat(account.circuit()).isEqualTo("down");
        assertThat(account.isStored(new Progress(account.last().position(), Map.of(), null, false)))
                .isTrue();
    }

    /** Somebody discarded it before the position had passed it. */
    @Test
    void whatWasDiscardedIsNotDeliveredWhenItComesAgain() {
        account = account(new Parked(List.of(), 2, false), null);
        account.rows.put(2L, row(2, "a", ParkedEvent.State.DISCARDED, 3));
        run((event, connection) -> Mono.empty());
        page(event(1, "b"), event(2, "a"), event(3, "a"));
        pass(1_000);
        assertThat(account.effects).containsExactly(1L, 3L);
        assertThat(account.states()).isEmpty();
    }

    @Test
    void keysThatDeadEventsHoldAreAskedForWithThePageWhereThereAreTooMany() {
        account = account(new Parked(List.of(), 0, true), null);
        account.rows.put(1L, row(1, "a", ParkedEvent.State.DEAD, 3));
        run((event, connection) -> Mono.empty());
        page(event(2, "a"), event(3, "b"));
        pass(1_000);
        assertThat(account.effects).containsExactly(3L);
        assertThat(account.states()).containsExactly("1 DEAD 3", "2 BLOCKED 0");
    }

    /** What an operator asked for again is tried beside the pages, many in a batch. */
    @Test
    void whatWasAskedForAgainGoesInBatchesBesideThePages() {
        List<ParkedHead> heads = new ArrayList<>();
        for (long id = 1; id <= 1_000; id++) {
            heads.add(new ParkedHead(row(id, "key-" + id, ParkedEvent.State.RETRYING, 0), id));
        }
        account = account(new Parked(heads, 0, false), null);
        for (long id = 1; id <= 1_000; id++) {
            account.log.put(id, event(id, "key-" + id));
        }
        run((event, connection) -> Mono.delay(Duration.ofMillis(1), time).then());
        page(event(1_001, "new"));
        pass(1);
        assertThat(account.effects).contains(1_001L);
        pass(Duration.ofSeconds(2));
        assertThat(account.effects).hasSize(1_001);
        assertThat(batches.size()).isLessThan(10);
        assertThat(account.states()).isEmpty();
    }

    @Test
    void aLeaderThatWasReplacedChangesNothingAndEnds() {
        run((event, connection) -> Mono.empty());
        account.writeFails = TestLog.staleLeader(account.last());
        page(event(1, "a"));
        assertThat(account.effects).isEmpty();
        assertThat(failed).isInstanceOf(StaleLeaderException.class);
        assertThat(account.borrowed).isZero();
    }

    /** Nobody knows whether it took effect: the run begins again from what is stored. */
    @Test
    void aCommitThatFailsWithoutAnAnswerEndsTheRun() {
        run((event, connection) -> Mono.empty());
        account.commitFails = new R2dbcNonTransientResourceException("connection reset");
        page(event(1, "a"));
        assertThat(failed).isInstanceOf(DatabaseUnavailableException.class);
        assertThat(account.states()).isEmpty();
    }

    @Test
    void whenItIsToldToStopItEndsWithWhatIsInHandAndBeginsNothing() {
        run((event, connection) -> Mono.delay(Duration.ofMillis(100), time).then());
        page(event(1, "a"));
        page(event(2, "b"));
        stop.tryEmitEmpty();
        assertThat(completed).isFalse();
        pass(100);
        assertThat(completed).isTrue();
        assertThat(account.effects).containsExactly(1L);
        assertThat(account.last().position().reach()).isEqualTo(1);
    }

    @Test
    void whenItIsToldToStopItDoesNotWaitForWhatIsDueLater() {
        run((event, connection) -> Mono.error(new IllegalStateException("not now")));
        page(event(1, "a"));
        stop.tryEmitEmpty();
        assertThat(completed).isTrue();
        assertThat(account.states()).containsExactly("1 RETRYING 1");
        pass(Duration.ofMinutes(1));
        assertThat(batches).hasSize(1);
    }

    /** 600 events of 30 keys; handlers take up to 50 ms; one in eight misbehaves once or twice, in each of the ways. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void eachEffectIsThereOnceAndInOrderPerKeyWhateverHandlersDo(long seed) {
        Random random = new Random(seed);
        Map<Long, Integer> misdeeds = new HashMap<>();
        for (long id = 1; id <= 600; id++) {
            misdeeds.put(id, random.nextInt(8) == 0 ? 1 + random.nextInt(2) : 0);
        }
        Misdeed[] all = Misdeed.values();
        run(POLICY.withAttempts(100), (event, connection) -> {
            int left = misdeeds.get(event.id());
            if (left > 0 && batches.get(batches.size() - 1).size() == 1) {
                misdeeds.put(event.id(), left - 1);
            }
            return left > 0
                    ? all[random.nextInt(all.length)].deed.apply(connection)
                    : Mono.delay(Duration.ofMillis(random.nextInt(50)), time).then();
        });
        for (int first = 1; first <= 600; first += 20) {
            page(IntStream.range(first, first + 20)
                    .mapToObj(id -> event(id, "key-" + random.nextInt(30)))
                    .toArray(Event[]::new));
            pass(random.nextInt(2_000));
        }
        pass(Duration.ofHours(2));
        assertThat(failed).isNull();
        assertThat(account.effects)
                .containsExactlyInAnyOrderElementsOf(ids(1, 600).toList());
        Map<String, Long> latest = new HashMap<>();
        for (long id : account.effects) {
            Long before = latest.put(account.log.get(id).key(), id);
            assertThat(before == null || before < id).isTrue();
        }
        assertThat(account.states()).isEmpty();
        assertThat(account.borrowed).isZero();
    }

    private static MemoryAccount account(Parked parked, @Nullable String circuit) {
        return new MemoryAccount(parked, TestLog.page().before(), circuit);
    }

    private void run(BiFunction<Event, PostgresqlConnection, @Nullable Mono<Void>> deed) {
        run(POLICY, deed);
    }

    /** What it does with each event comes before the event's effect, and may replace it. */
    private void run(RetryPolicy policy, BiFunction<Event, PostgresqlConnection, @Nullable Mono<Void>> deed) {
        TransactionalHandler handler = new TransactionalHandler() {
            @Override
            public String name() {
                return "test";
            }

            @Override
            public Set<String> types() {
                return Set.of();
            }

            @Override
            public @Nullable Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
                batches.add(events.stream().map(Event::id).toList());
                Mono<Void> all = Mono.empty();
                for (Event event : events) {
                    Mono<Void> one = deed.apply(event, connection);
                    if (one == null) {
                        return null;
                    }
                    all = all.then(one).then(Mono.fromRunnable(() -> MemoryAccount.effect(connection, event)));
                }
                return all;
            }
        };
        new TransactionalRun(
                        handler,
                        policy,
                        WITHIN,
                        new Database(account, Duration.ofHours(1)),
                        account::events,
                        account,
                        new BatchSize(),
                        new BatchSize(),
                        time)
                .run(pages.asFlux(), stop.asMono())
                .subscribe(position -> {}, error -> failed = error, () -> completed = true);
    }

    private void page(Event... events) {
        for (Event event : events) {
            account.log.put(event.id(), event);
        }
        assertThat(pages.tryEmitNext(TestLog.page(events))).isEqualTo(Sinks.EmitResult.OK);
    }

    private void pass(long millis) {
        pass(Duration.ofMillis(millis));
    }

    private void pass(Duration duration) {
        time.advanceTimeBy(duration);
    }

    private static ParkedEvent row(long id, String key, ParkedEvent.State state, int attempts) {
        return new ParkedEvent(id, TestLog.aggregate(key), state, attempts, Duration.ZERO, null, false, Duration.ZERO);
    }

    private static Event[] events(long from, long to) {
        return LongStream.rangeClosed(from, to)
                .mapToObj(id -> event(id, "key-" + id))
                .toArray(Event[]::new);
    }

    private static Stream<Long> ids(long from, long to) {
        return LongStream.rangeClosed(from, to).boxed();
    }

    private static Event event(long id, String key) {
        return TestLog.event(id, key);
    }
}
