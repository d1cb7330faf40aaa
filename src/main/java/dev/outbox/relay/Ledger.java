package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.CircuitStates;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedEvents;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Keeps what subscriptions have done. A checkpoint, and what became of the events that it passes although they are not done, are
 * stored together or not at all; and the fence of the checkpoint holds for both.
 */
final class Ledger {

    private final Database database;
    private final Checkpoints checkpoints;
    private final ParkedEvents parkedEvents;
    private final CircuitStates circuits;
    private final String instance;

    /** @param instance who stores it */
    Ledger(
            Database database,
            Checkpoints checkpoints,
            ParkedEvents parkedEvents,
            CircuitStates circuits,
            String instance) {
        this.database = database;
        this.checkpoints = checkpoints;
        this.parkedEvents = parkedEvents;
        this.circuits = circuits;
        this.instance = instance;
    }

    /**
     * Opens the account of a subscription from what is stored.
     *
     * @param from the latest checkpoint, which the caller has stored
     * @param most how many parked events to load at most
     */
    Mono<Account> open(Checkpoint from, int most) {
        String subscription = from.subscription();
        return Mono.zip(parkedEvents.of(subscription, most), circuits.of(subscription))
                .map(stored -> new Account(from, stored.getT1(), stored.getT2()));
    }

    /** One subscription's, while this instance runs it. */
    final class Account {

        private final List<ParkedEvent> parked;
        private final @Nullable String openedBy;
        private Checkpoint last;
        private @Nullable String circuit;

        private Account(Checkpoint last, List<ParkedEvent> parked, Optional<String> circuit) {
            this.last = last;
            this.parked = parked;
            this.openedBy = circuit.orElse(null);
            this.circuit = openedBy;
        }

        /** The events that were parked when it was opened. */
        List<ParkedEvent> parked() {
            return parked;
        }

        /** The failure that held the circuit open when it was opened; null if it was closed. */
        @Nullable
        String circuit() {
            return openedBy;
        }

        /** The latest checkpoint. */
        Checkpoint last() {
            return last;
        }

        /** Stores how far the subscription has come, in a transaction of its own. */
        Mono<Void> store(Progress progress) {
            Checkpoint next = last.next(progress.position());
            Mono<Void> stored = isPlain(progress)
                    ? checkpoints.append(next, instance)
                    : database.inTransaction(connection -> write(connection, next, progress));
            return stored.doOnSuccess(done -> stored(progress));
        }

        /** Writes how far the subscription has come in the transaction of the connection; {@link #stored} is told of its commit. */
        Mono<Void> write(PostgresqlConnection connection, Progress progress) {
            return write(connection, last.next(progress.position()), progress);
        }

        /** It is committed. */
        void stored(Progress progress) {
            last = last.next(progress.position());
            circuit = progress.circuit();
        }

        private Mono<Void> write(PostgresqlConnection connection, Checkpoint next, Progress progress) {
            String subscription = next.subscription();
            return checkpoints
                    .append(connection, next, instance)
                    .then(Mono.defer(() -> parkedEvents.store(connection, subscription, progress.changed())))
                    .then(Mono.defer(() -> parkedEvents.remove(connection, subscription, progress.done())))
                    .then(Mono.defer(() -> storeCircuit(connection, subscription, progress.circuit())))
                    .then(Mono.defer(() -> checkpoints.trim(connection, next)));
        }

        private Mono<Void> storeCircuit(PostgresqlConnection connection, String subscription, @Nullable String error) {
            return Objects.equals(error, circuit) ? Mono.empty() : circuits.store(connection, subscription, error);
        }

        /** Whether storing it would change nothing. */
        boolean isStored(Progress progress) {
            return isPlain(progress) && progress.position().equals(last.position());
        }

        private boolean isPlain(Progress progress) {
            return progress.parked().isEmpty() && Objects.equals(progress.circuit(), circuit);
        }
    }
}
