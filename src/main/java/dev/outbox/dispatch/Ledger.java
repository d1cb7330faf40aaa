package dev.outbox.dispatch;

import dev.outbox.database.Database;
import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.Page;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedEvents;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.Position;
import dev.outbox.log.RunState;
import dev.outbox.log.RunStates;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Keeps what subscriptions have done. A checkpoint, and what became of the events that it passes although they are not done, are
 * stored together or not at all; and the fence of the checkpoint holds for both.
 */
public final class Ledger {

    private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);

    private final Database database;
    private final Checkpoints checkpoints;
    private final ParkedEvents parkedEvents;
    private final RunStates states;
    private final String instance;

    /** @param instance who stores it */
    public Ledger(
            Database database, Checkpoints checkpoints, ParkedEvents parkedEvents, RunStates states, String instance) {
        this.database = database;
        this.checkpoints = checkpoints;
        this.parkedEvents = parkedEvents;
        this.states = states;
        this.instance = instance;
    }

    /**
     * Opens the account of a subscription from what is stored.
     *
     * @param from the latest checkpoint, which the caller has stored
     * @param ordered whether events of a key wait for each other
     * @param policy says whether a dead event holds its key
     */
    Mono<Account> open(Checkpoint from, boolean ordered, RetryPolicy policy) {
        String subscription = from.subscription();
        boolean deadHolds = ordered && policy.whenDead() == RetryPolicy.WhenDead.BLOCK_KEY;
        return Mono.zip(parkedEvents.open(subscription, from.position(), ordered, deadHolds), states.of(subscription))
                .map(stored -> new Stored(from, stored.getT1(), stored.getT2(), deadHolds));
    }

    private final class Stored implements Account {

        private final Parked parked;
        private final @Nullable String openedBy;
        private final boolean deadHolds;
        private final Position began;
        private volatile Checkpoint last;
        private volatile RunState state;

        private Stored(Checkpoint last, Parked parked, RunState state, boolean deadHolds) {
            this.last = last;
            this.began = last.position();
            this.parked = parked;
            this.openedBy = state.circuit();
            this.state = state;
            this.deadHolds = deadHolds;
        }

        @Override
        public Parked parked() {
            return parked;
        }

        @Override
        public @Nullable String circuit() {
            return openedBy;
        }

        @Override
        public Mono<List<ParkedEvent>> expected(Page page) {
            List<Long> ids = page.events().stream()
                    .map(Event::id)
                    .filter(id -> id <= parked.aheadUpTo())
                    .toList();
            return ids.isEmpty() ? Mono.just(List.of()) : parkedEvents.among(last.subscription(), ids);
        }

        @Override
        public Mono<List<Aggregate>> heldByDead(Page page) {
            Set<String> keys = page.events().stream().map(Event::key).collect(Collectors.toSet());
            return keys.isEmpty() || !parked.deadAside()
                    ? Mono.just(List.of())
                    : parkedEvents.heldByDead(last.subscription(), began, parked.aheadUpTo() > 0, keys);
        }

        @Override
        public Mono<List<ParkedRow>> next(ParkedKeys.Load load) {
            return parkedEvents.next(
                    last.subscription(), load.key(), load.after(), load.upTo(), deadHolds, load.limit());
        }

        @Override
        public Checkpoint last() {
            return last;
        }

        @Override
        public Mono<Void> store(Progress progress) {
            Checkpoint next = last.next(progress.position());
            Mono<Void> stored = isPlain(progress)
                    ? checkpoints.append(next, instance)
                    : database.inTransaction(connection -> write(connection, next, progress));
            return stored.doOnSuccess(done -> stored(progress));
        }

        @Override
        public Mono<Void> write(PostgresqlConnection connection, Progress progress) {
            return write(connection, last.next(progress.position()), progress);
        }

        @Override
        public void stored(Progress progress) {
            last = last.next(progress.position());
            RunState now = state(progress);
            if (now.replayedThrough() < state.replayedThrough()) {
                LOG.info("replay.ended subscription={} through={}", last.subscription(), state.replayedThrough());
            }
            state = now;
        }

        private Mono<Void> write(PostgresqlConnection connection, Checkpoint next, Progress progress) {
            String subscription = next.subscription();
            return checkpoints
                    .append(connection, next, instance)
                    .then(Mono.defer(() -> parkedEvents.store(connection, subscription, progress.changed())))
                    .then(Mono.defer(() -> parkedEvents.remove(connection, subscription, progress.done())))
                    .then(Mono.defer(() -> storeState(connection, subscription, state(progress))))
                    .then(Mono.defer(() -> checkpoints.trim(connection, next)));
        }

        private Mono<Void> storeState(PostgresqlConnection connection, String subscription, RunState now) {
            return now.equals(state) ? Mono.empty() : states.store(connection, subscription, now);
        }

        @Override
        public boolean isStored(Progress progress) {
            return isPlain(progress) && progress.position().equals(last.position());
        }

        private boolean isPlain(Progress progress) {
            return progress.parked().isEmpty() && state(progress).equals(state);
        }

        private RunState state(Progress progress) {
            return state.at(progress.position(), progress.circuit(), progress.full());
        }
    }
}
