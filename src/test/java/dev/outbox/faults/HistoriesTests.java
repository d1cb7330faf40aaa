package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.faults.Histories.Commit;
import dev.outbox.faults.Histories.Logged;
import dev.outbox.faults.Histories.Verdict;
import dev.outbox.relay.Writers.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A checker that cannot fail proves nothing: each kind of lie is told to it once. */
class HistoriesTests {

    private final List<Commit> commits = new ArrayList<>(List.of(
            new Commit("ok", 2, Outcome.COMMITTED),
            new Commit("done-unknown", 1, Outcome.UNKNOWN),
            new Commit("undone-unknown", 1, Outcome.UNKNOWN),
            new Commit("failed", 3, Outcome.FAILED)));
    private final List<Logged> logged = new ArrayList<>(
            List.of(new Logged(1, "a", "ok"), new Logged(2, "a", "ok"), new Logged(4, "b", "done-unknown")));
    private final List<Delivery> deliveries = new ArrayList<>(List.of(taken(1, "a"), taken(4, "b"), taken(2, "a")));

    @Test
    void historiesThatAgreeAreClean() {
        assertThat(verdict())
                .matches(Verdict::isClean)
                .matches(verdict -> verdict.repeats().isEmpty());
    }

    @Test
    void aLostEventIsNoticed() {
        deliveries.remove(1);
        assertThat(verdict().lost()).isEqualTo(Set.of(4L));
        assertThat(verdict()).matches(verdict -> !verdict.isClean() && verdict.lostCount() == 1);
    }

    @Test
    void aDeliveryThatTheSinkRefusedIsNoDelivery() {
        deliveries.set(1, new Delivery(false, 4, "b", 1, 7, 0));
        assertThat(verdict().lost()).isEqualTo(Set.of(4L));
    }

    @Test
    void aRepeatedEventIsCountedAndIsNoFault() {
        Delivery again = new Delivery(true, 1, "a", 2, 8, 5);
        deliveries.add(again);
        assertThat(verdict().repeats()).containsExactly(again);
        assertThat(verdict()).matches(Verdict::isClean);
    }

    @Test
    void aSwappedPairOfAKeyIsNoticed() {
        deliveries.set(0, taken(2, "a"));
        deliveries.set(2, taken(1, "a"));
        assertThat(verdict().swapped()).isEqualTo(Set.of(2L));
        assertThat(verdict()).matches(verdict -> !verdict.isClean());
    }

    @Test
    void anInventedEventIsNoticed() {
        deliveries.add(taken(3, "b"));
        assertThat(verdict().unfounded()).isEqualTo(Set.of(3L));
        assertThat(verdict()).matches(verdict -> !verdict.isClean());
    }

    @Test
    void anAcknowledgedCommitThatTheLogHasNotIsNoticed() {
        logged.remove(1);
        deliveries.remove(2);
        assertThat(verdict().vanished()).isEqualTo(Set.of("ok"));
        assertThat(verdict()).matches(verdict -> !verdict.isClean() && verdict.lostCount() == 1);
    }

    @Test
    void aFailedTransactionThatTheLogHasIsNoticed() {
        for (long id = 5; id <= 7; id++) {
            logged.add(new Logged(id, "c", "failed"));
            deliveries.add(taken(id, "c"));
        }
        assertThat(verdict().risen()).isEqualTo(Set.of("failed"));
        assertThat(verdict()).matches(verdict -> !verdict.isClean());
    }

    @Test
    void halfATransactionIsNoticedAlsoIfItsOutcomeIsUnknown() {
        commits.set(1, new Commit("done-unknown", 2, Outcome.UNKNOWN));
        assertThat(verdict().torn()).isEqualTo(Set.of("done-unknown"));
        assertThat(verdict()).matches(verdict -> !verdict.isClean());
    }

    @Test
    void aLineOfTheSinkIsReadAsItWasWritten() {
        Delivery delivery = new Delivery(false, 12, "order/3", 4, 567, 1_700_000_000_000_000L);
        assertThat(Delivery.of(delivery.line())).isEqualTo(delivery);
    }

    private Verdict verdict() {
        return new Histories(commits, logged, deliveries).verdict();
    }

    private static Delivery taken(long id, String key) {
        return new Delivery(true, id, key, 1, 7, 0);
    }
}
