package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedEvent.State;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
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
        ParkedKeys.Entry entry = parked.park(1, "a", false, failure());
        assertDueAfter(parked, 1_000);
        parked.fail(entry, failure());
        assertDueAfter(parked, 10_000);
        parked.fail(entry, failure());
        assertDueAfter(parked, 60_000);
    }

    @Test
    void aFailureThatSaysWhenIsTriedAgainThen() {
        ParkedKeys parked = keys(POLICY);
        parked.park(1, "a", false, Outcome.failure(new RetryLaterException(Duration.ofSeconds(17), "busy"), POLICY));
        assertDueAfter(parked, 17_000);
    }

    @Test
    void afterTheLastAttemptTheEventIsDeadAndItsKeyWaits() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry entry = parked.park(1, "a", false, failure());
        parked.block(2, "a", false);
        for (int attempt = 2; attempt <= 4; attempt++) {
            assertThat(parked.takeAny()).isSameAs(entry);
            parked.fail(entry, failure());
        }
        assertThat(parked.takeChanges().get(1L).state()).isEqualTo(State.DEAD);
        assertThat(parked.nextAt()).isEmpty();
        assertThat(parked.holds("a")).isTrue();
    }

    @Test
    void whereTheKeyGoesOnTheNextIsDueWhenOneIsDead() {
        ParkedKeys parked = keys(POLICY.withWhenDead(RetryPolicy.WhenDead.GO_ON));
        parked.park(1, "a", false, Outcome.failure(new UndeliverableException("no"), POLICY));
        assertThat(parked.holds("a")).isFalse();
        assertThat(parked.takeChanges().get(1L).state()).isEqualTo(State.DEAD);
    }

    @Test
    void anEventThatIsTooOldIsDead() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry entry = parked.park(1, "a", false, failure());
        now.addAndGet(Duration.ofMinutes(61).toMillis());
        parked.takeDue();
        parked.fail(entry, failure());
        assertThat(parked.takeChanges().get(1L).state()).isEqualTo(State.DEAD);
    }

    @Test
    void whenTheFirstIsDeliveredTheNextIsDueAndAtLastTheKeyIsFree() {
        ParkedKeys parked = keys(POLICY);
        ParkedKeys.Entry first = parked.park(1, "a", false, failure());
        parked.block(2, "a", false);
        now.addAndGet(1_000);
        assertThat(parked.takeDue()).isSameAs(first);
        parked.deliver(first);
        ParkedKeys.Entry second = parked.takeDue();
        assertThat(second.id).isEqualTo(2);
        parked.deliver(second);
        assertThat(parked.holds("a")).isFalse();
        assertThat(parked.takeChanges())
                .containsOnlyKeys(1L, 2L)
                .containsEntry(1L, null)
                .containsEntry(2L, null);
        assertThat(parked.size()).isZero();
    }

    @Test
    void whatWasStoredGoesOnWhereItWas() {
        ParkedKeys parked = new ParkedKeys(
                POLICY,
                now::get,
                () -> 0,
                List.of(
                        stored(1, "a", State.RETRYING, Duration.ofSeconds(5)),
                        stored(2, "a", State.BLOCKED, null),
                        stored(3, "b", State.DEAD, null),
                        stored(4, "b", State.BLOCKED, null),
                        stored(5, "c", State.BLOCKED, null)));
        assertThat(parked.takeDue().id).isEqualTo(5); // blocked behind nobody: whoever was before it is gone
        assertThat(parked.takeDue()).isNull();
        now.addAndGet(5_000);
        assertThat(parked.takeDue().id).isEqualTo(1);
        assertThat(parked.takeAny()).isNull();
        assertThat(parked.holds("b")).isTrue();
        assertThat(parked.contains(4)).isTrue();
        assertThat(parked.contains(3)).isTrue();
    }

    /** Event 1 was done and came again when 2 was parked already; then the instance was replaced. */
    @Test
    void anEventThatWasTriedFollowsOneThatStandsBeforeItAgain() {
        ParkedKeys parked = new ParkedKeys(
                POLICY,
                now::get,
                () -> 0,
                List.of(stored(1, "a", State.BLOCKED, null), stored(2, "a", State.RETRYING, Duration.ofSeconds(5))));
        parked.deliver(parked.takeDue());
        assertThat(parked.takeDue().id).isEqualTo(2);
    }

    private ParkedKeys keys(RetryPolicy policy) {
        return new ParkedKeys(policy, now::get, () -> 0, List.of());
    }

    private static ParkedEvent stored(long id, String key, State state, Duration due) {
        return new ParkedEvent(id, key, state, 1, due, "not now", false, Duration.ZERO);
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
