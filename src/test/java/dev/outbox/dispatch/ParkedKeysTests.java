package dev.outbox.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryLaterException;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedEvent.State;
import dev.outbox.log.ParkedHead;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.TestLog;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ParkedKeysTests {

    private static final RetryPolicy POLICY = RetryPolicy.DEFAULT
            .withDelays(Duration.ofSeconds(1), 10, Duration.ofSeconds(60), 0)
            .withAttempts(4)
            .withAge(Duration.ofHours(1));

    private final AtomicLong now = new AtomicLong(1_000_000);

    @Test
    void theDelaysGrowByThePolicyUpToTheCap() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry entry = parked.park(event(1, "a"), failure());
        assertDueAfter(parked, 1_000);
        parked.fail(entry, failure());
        assertDueAfter(parked, 10_000);
        parked.fail(entry, failure());
        assertDueAfter(parked, 60_000);
    }

    @Test
    void aFailureThatSaysWhenIsTriedAgainThen() {
        ParkedKeys parked = keys(POLICY);
        parked.park(event(1, "a"), Outcome.failure(new RetryLaterException(Duration.ofSeconds(17), "busy"), POLICY));
        assertDueAfter(parked, 17_000);
    }

    @Test
    void afterTheLastAttemptTheEventIsDeadAndItsKeyWaits() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry entry = parked.park(event(1, "a"), failure());
        parked.block(event(2, "a"));
        for (int attempt = 2; attempt <= 4; attempt++) {
            assertThat(parked.takeAny()).isSameAs(entry);
            parked.fail(entry, failure());
        }
        assertThat(parked.takeChanges().get(1L).state()).isEqualTo(State.DEAD);
        assertThat(parked.nextAt()).isEmpty();
        assertThat(parked.holds(TestLog.aggregate("a"))).isTrue();
    }

    @Test
    void aKeyOfAnotherTypeIsAnotherKey() {
        ParkedKeys parked = keys(POLICY);
        Event parcel = new Event(2, "parcel", "a", "parcel.packed", Instant.EPOCH, "{}", null);
        parked.park(event(1, "a"), failure());
        assertThat(parked.holds(parcel.aggregate())).isFalse();
        parked.park(parcel, failure());
        assertThat(parked.keys()).isEqualTo(2);
        assertThat(parked.takeChanges().values())
                .extracting(ParkedEvent::aggregate)
                .containsExactly(new Aggregate("thing", "a"), new Aggregate("parcel", "a"));
    }

    @Test
    void aKeyThatADeadOneHoldsIsOfNoCountAndWhatComesOfItIsARowAndNothingElse() {
        ParkedKeys parked = keys(POLICY);
        parked.holdDead(List.of(event(1, "a").aggregate()));
        assertThat(parked.holds(event(1, "a").aggregate())).isTrue();
        parked.block(event(2, "a"));
        parked.blocked(event(3, "a"));
        assertThat(parked.takeChanges()).containsOnlyKeys(2L);
        assertThat(parked.nextAt()).isEmpty();
        assertThat(parked.hasLoads()).isFalse();
        assertThat(parked.keys()).isZero();
    }

    @Test
    void aRunInWhichManyDieIsCrowdedAndTheirKeysAreOfNoCount() {
        ParkedKeys parked = keys(POLICY);
        for (int id = 1; id <= 20_000; id++) {
            parked.park(event(id, "key-" + id), Outcome.failure(new UndeliverableException("no"), POLICY));
        }
        assertThat(parked.keys()).isZero();
        assertThat(parked.isCrowded()).isFalse();
        parked.holdDead(List.of(event(20_001, "another").aggregate()));
        assertThat(parked.isCrowded()).isTrue();
    }

    @Test
    void whereTheKeyGoesOnTheNextIsDueWhenOneIsDead() {
        ParkedKeys parked = keys(POLICY.withWhenDead(RetryPolicy.WhenDead.GO_ON));
        parked.park(event(1, "a"), Outcome.failure(new UndeliverableException("no"), POLICY));
        assertThat(parked.holds(TestLog.aggregate("a"))).isFalse();
        assertThat(parked.takeChanges().get(1L).state()).isEqualTo(State.DEAD);
    }

    @Test
    void anEventThatIsTooOldIsDead() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry entry = parked.park(event(1, "a"), failure());
        now.addAndGet(Duration.ofMinutes(61).toMillis());
        parked.takeDue();
        parked.fail(entry, failure());
        assertThat(parked.takeChanges().get(1L).state()).isEqualTo(State.DEAD);
    }

    @Test
    void whenTheFirstIsDeliveredTheRowsBehindItAreReadAndAtLastTheKeyIsFree() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry first = parked.park(event(1, "a"), failure());
        parked.block(event(2, "a"));
        now.addAndGet(1_000);
        assertThat(parked.takeDue()).isSameAs(first);
        parked.deliver(first);
        assertThat(parked.takeDue()).isNull();
        assertThat(parked.holds(TestLog.aggregate("a"))).isTrue();
        answer(parked, load(1, 2, 1), stored(2, "a", State.BLOCKED, null));
        ParkedKeys.Entry second = parked.takeDue();
        assertThat(second.id).isEqualTo(2);
        parked.deliver(second);
        assertThat(parked.holds(TestLog.aggregate("a"))).isFalse();
        assertThat(parked.takeChanges())
                .containsOnlyKeys(1L, 2L)
                .containsEntry(1L, null)
                .containsEntry(2L, null);
        assertThat(parked.keys()).isZero();
    }

    @Test
    void whatComesWhileTheRowsAreReadIsReadAfterThem() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry first = parked.park(event(1, "a"), failure());
        parked.block(event(2, "a"));
        parked.deliver(first);
        List<ParkedKeys.Load> loads = parked.takeLoads();
        parked.block(event(3, "a"));
        parked.loaded(loads.get(0), List.of(row(stored(2, "a", State.BLOCKED, null))));
        parked.deliver(parked.takeAny());
        answer(parked, load(2, 3, 1), stored(3, "a", State.BLOCKED, null));
        parked.deliver(parked.takeAny());
        assertThat(parked.holds(TestLog.aggregate("a"))).isFalse();
    }

    /** Writers that lock nothing of a key may commit in any order: what comes with a lower id is not forgotten. */
    @Test
    void whatComesLateWithALowerIdIsReadToo() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry first = parked.park(event(6, "a"), failure());
        parked.block(event(5, "a"));
        parked.deliver(first);
        answer(parked, load(4, 6, 1), stored(5, "a", State.BLOCKED, null));
        assertThat(parked.takeAny().id).isEqualTo(5);
    }

    @Test
    void onlyTheFirstOfAKeyIsInMemory() {
        ParkedKeys parked = keys(POLICY);
        parked.park(event(1, "a"), failure());
        LongStream.rangeClosed(2, 1_000).forEach(id -> parked.block(event(id, "a")));
        assertThat(parked.takeChanges()).hasSize(1_000);
        assertThat(parked.unsaved()).isZero();
        assertThat(parked.keys()).isEqualTo(1);
    }

    @Test
    void whatWasStoredGoesOnWhereItWas() {
        ParkedKeys parked = opened(
                true,
                new ParkedHead(stored(1, "a", State.RETRYING, Duration.ofSeconds(5)), 2),
                new ParkedHead(stored(3, "b", State.DEAD, null), 4),
                new ParkedHead(stored(5, "c", State.BLOCKED, null), 5));
        assertThat(parked.takeDue().id).isEqualTo(5); // blocked behind nobody: whoever was before it is gone
        assertThat(parked.takeDue()).isNull();
        now.addAndGet(5_000);
        assertThat(parked.takeDue().id).isEqualTo(1);
        assertThat(parked.takeAny()).isNull();
        assertThat(parked.holds(TestLog.aggregate("b"))).isTrue();
    }

    @Test
    void withoutOrderNoEventWaitsForAnotherWhateverItsKey() {
        ParkedKeys parked = opened(
                false,
                new ParkedHead(stored(1, "2", State.RETRYING, Duration.ZERO), 1),
                new ParkedHead(stored(3, "2", State.BLOCKED, null), 3));
        assertThat(parked.holds(parked.group(event(2, "2")))).isFalse();
        assertThat(parked.takeDue().id).isEqualTo(1);
        assertThat(parked.takeDue().id).isEqualTo(3);
    }

    @Test
    void anEventThatComesAgainIsTriedWhenItsRowSays() {
        ParkedKeys parked = keys(POLICY);
        ParkedEvent row = stored(2, "a", State.RETRYING, Duration.ofSeconds(5));
        parked.expect(List.of(row));
        assertThat(parked.holds(TestLog.aggregate("a"))).isFalse(); // an earlier one may come before it
        parked.resume(parked.expected(2));
        assertThat(parked.holds(TestLog.aggregate("a"))).isTrue();
        assertDueAfter(parked, 5_000);
    }

    @Test
    void whatWasDiscardedBeforeItCameLeavesNoRow() {
        ParkedKeys parked = keys(POLICY);
        ParkedEvent row = stored(2, "a", State.DISCARDED, null);
        parked.expect(List.of(row));
        assertThat(parked.isOver(row)).isTrue();
        parked.pass(row);
        assertThat(parked.takeChanges()).containsOnlyKeys(2L).containsEntry(2L, null);
    }

    @Test
    void untriedEventsAreTakenTogetherAndOneThatFailedAlone() {
        ParkedKeys parked = opened(
                true,
                new ParkedHead(untried(5, "b"), 5),
                new ParkedHead(untried(1, "a"), 3),
                new ParkedHead(stored(4, "c", State.RETRYING, Duration.ofMillis(-50)), 4));
        assertThat(ids(parked.takeDue(10))).containsExactly(4L);
        List<ParkedKeys.Entry> both = parked.takeDue(10);
        assertThat(ids(both)).containsExactly(1L, 5L);
        parked.deliverStored(both);
        answer(parked, load(1, 3, 0), untried(2, "a"), untried(3, "a"));
        List<ParkedKeys.Entry> rest = parked.takeDue(10);
        assertThat(ids(rest)).containsExactly(2L, 3L);
        parked.putBack(rest);
        List<ParkedKeys.Entry> one = parked.takeDue(1);
        assertThat(ids(one)).containsExactly(2L);
        parked.deliverStored(one);
        assertThat(ids(parked.takeDue(10))).containsExactly(3L);
        assertThat(parked.holds(TestLog.aggregate("b"))).isFalse();
    }

    private static ParkedKeys.Load load(long after, long upTo, long savedWith) {
        return new ParkedKeys.Load(TestLog.aggregate("a"), after, upTo, 1_000, savedWith);
    }

    /** Two hundred keys are tried at the same time, each with a chunk of a thousand behind it. */
    @Test
    void whatIsReadOfAllKeysIsBounded() {
        ParkedKeys parked = opened(
                true,
                LongStream.rangeClosed(1, 200)
                        .mapToObj(id -> new ParkedHead(stored(id, "key-" + id, State.BLOCKED, null), 1_000_000))
                        .toArray(ParkedHead[]::new));
        for (int i = 0; i < 200; i++) {
            parked.deliver(parked.takeAny());
        }
        assertThat(parked.takeLoads().stream().mapToInt(ParkedKeys.Load::limit).sum())
                .isEqualTo(20 * 1_000 + 180);
    }

    private static List<Long> ids(List<ParkedKeys.Entry> entries) {
        return entries.stream().map(entry -> entry.id).toList();
    }

    private static void answer(ParkedKeys parked, ParkedKeys.Load expected, ParkedEvent... rows) {
        List<ParkedKeys.Load> loads = parked.takeLoads();
        assertThat(loads).containsExactly(expected);
        parked.loaded(loads.get(0), Stream.of(rows).map(ParkedKeysTests::row).toList());
    }

    private static ParkedRow row(ParkedEvent event) {
        return new ParkedRow(event, event(event.eventId(), event.aggregate().id()));
    }

    private ParkedKeys keys(RetryPolicy policy) {
        return new ParkedKeys(policy, true, now::get, () -> 0, Parked.NOTHING);
    }

    private ParkedKeys opened(boolean ordered, ParkedHead... heads) {
        return new ParkedKeys(POLICY, ordered, now::get, () -> 0, new Parked(List.of(heads), 0, false));
    }

    private static Event event(long id, String key) {
        return TestLog.event(id, key);
    }

    private static ParkedEvent untried(long id, String key) {
        return new ParkedEvent(id, TestLog.aggregate(key), State.RETRYING, 0, Duration.ZERO, null, true, Duration.ZERO);
    }

    private static ParkedEvent stored(long id, String key, State state, Duration due) {
        return new ParkedEvent(id, TestLog.aggregate(key), state, 1, due, "not now", false, Duration.ZERO);
    }

    private static Outcome failure() {
        return Outcome.failure(new IllegalStateException("not now"), POLICY);
    }

    private void assertDueAfter(ParkedKeys parked, long millis) {
        now.addAndGet(millis - 1);
        assertThat(parked.takeDue()).isNull();
        now.addAndGet(1);
        assertThat(parked.takeDue()).isNotNull();
    }
}
