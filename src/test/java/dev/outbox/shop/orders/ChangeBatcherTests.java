package dev.outbox.shop.orders;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

class ChangeBatcherTests {

    private final SlowStore store = new SlowStore();
    private final ChangeBatcher batcher = new ChangeBatcher(store);

    @Test
    void aloneAChangeLeavesAtOnce() {
        CompletableFuture<ChangeResult> change = change(1);
        assertThat(store.asked).containsExactly(List.of(1L));
        store.answerNext();
        assertThat(change)
                .isCompletedWithValueMatching(result -> result.change().id() == 1);
    }

    @Test
    void whatGathersWhileStatementsAreUnderWayIsOneBatch() {
        submit(1);
        submit(2);
        List<CompletableFuture<ChangeResult>> gathered = List.of(change(3), change(4), change(5));
        assertThat(store.asked).containsExactly(List.of(1L), List.of(2L));
        store.answerNext();
        assertThat(store.asked).containsExactly(List.of(1L), List.of(2L), List.of(3L, 4L, 5L));
        store.answerNext();
        store.answerNext();
        assertThat(gathered).allMatch(CompletableFuture::isDone);
    }

    @Test
    void twoChangesOfOneOrderNeverShareAStatement() {
        submit(1);
        submit(2);
        submit(3);
        submit(3);
        submit(4);
        store.answerNext();
        store.answerNext();
        store.answerNext();
        assertThat(store.asked).containsExactly(List.of(1L), List.of(2L), List.of(3L, 4L), List.of(3L));
    }

    @Test
    void aLockedOrderHoldsBackNoOther() {
        store.locked.add(2L);
        submit(9);
        submit(8);
        CompletableFuture<ChangeResult> free = change(1);
        CompletableFuture<ChangeResult> locked = change(2);
        store.answerNext();
        store.answerNext();
        store.answerNext();
        assertThat(free).isDone();
        assertThat(locked).isNotDone();
        assertThat(store.askedAlone).containsExactly(2L);
        assertThat(change(3)).isNotDone();
        store.answerNext();
        store.unlock();
        assertThat(locked).isDone();
    }

    @Test
    void theFailureOfAChangeIsItsOwn() {
        store.failing.add(2L);
        submit(9);
        submit(8);
        CompletableFuture<ChangeResult> good = change(1);
        CompletableFuture<ChangeResult> bad = change(2);
        store.answerNext();
        store.answerNext();
        store.answerNext();
        store.unlock();
        assertThat(good).isCompletedWithValueMatching(result -> result.change().id() == 1);
        assertThatThrownBy(bad::get)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(IllegalStateException.class);
    }

    @Test
    void withoutADatabaseNothingIsTriedAgain() {
        store.away = true;
        CompletableFuture<ChangeResult> change = change(1);
        store.answerNext();
        assertThatThrownBy(change::get).hasCauseInstanceOf(DatabaseUnavailableException.class);
        assertThat(store.askedAlone).isEmpty();
        store.away = false;
        CompletableFuture<ChangeResult> next = change(2);
        store.answerNext();
        assertThat(next).isDone();
    }

    private CompletableFuture<ChangeResult> change(long id) {
        return batcher.change(new StatusChange(id, OrderStatus.SHIPPED, Versions.ANY))
                .toFuture();
    }

    private void submit(long id) {
        batcher.change(new StatusChange(id, OrderStatus.SHIPPED, Versions.ANY)).subscribe();
    }

    /** Answers when it is told to. */
    private static final class SlowStore extends OrderStore {

        private final List<List<Long>> asked = new ArrayList<>();
        private final List<Long> askedAlone = new ArrayList<>();
        private final Set<Long> locked = new HashSet<>();
        private final Set<Long> failing = new HashSet<>();
        private final List<Sinks.Empty<Void>> pending = new ArrayList<>();
        private final Sinks.Empty<Void> unlocked = Sinks.empty();
        private boolean away;

        SlowStore() {
            super(new Database(
                    ConnectionFactories.get("r2dbc:postgresql://nobody@localhost:1/none"), Duration.ofSeconds(1)));
        }

        @Override
        Mono<List<ChangeResult>> changeUnlocked(List<StatusChange> changes) {
            asked.add(changes.stream().map(StatusChange::id).toList());
            Sinks.Empty<Void> answer = Sinks.empty();
            pending.add(answer);
            return answer.asMono().then(Mono.defer(() -> {
                if (away) {
                    return Mono.error(DatabaseUnavailableException.overloaded());
                }
                if (changes.stream().anyMatch(change -> failing.contains(change.id()))) {
                    return Mono.error(new IllegalStateException("all of it"));
                }
                return Mono.just(changes.stream()
                        .map(change -> result(
                                change,
                                locked.contains(change.id()) ? ChangeResult.Kind.LOCKED : ChangeResult.Kind.UPDATED))
                        .toList());
            }));
        }

        @Override
        Mono<List<ChangeResult>> change(List<StatusChange> changes) {
            StatusChange change = changes.get(0);
            askedAlone.add(change.id());
            return failing.contains(change.id())
                    ? Mono.error(new IllegalStateException("this one"))
                    : unlocked.asMono().thenReturn(List.of(result(change, ChangeResult.Kind.UPDATED)));
        }

        void answerNext() {
            pending.remove(0).tryEmitEmpty();
        }

        void unlock() {
            unlocked.tryEmitEmpty();
        }

        private static ChangeResult result(StatusChange change, ChangeResult.Kind kind) {
            return new ChangeResult(
                    change, kind, new Order(change.id(), 1, change.status(), 2, Instant.EPOCH, Instant.EPOCH));
        }
    }
}
