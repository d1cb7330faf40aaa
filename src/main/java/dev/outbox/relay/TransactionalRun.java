package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.log.Event;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.Position;
import dev.outbox.log.StaleLeaderException;
import dev.outbox.log.StalePositionException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * One run of a {@link TransactionalSubscription}. Its steps are taken one after the other.
 *
 * <p>A lot of events whose handler fails is rolled back and comes again as a smaller one, until the event that fails is alone: that one
 * is parked. Each good one has its effect once, since effect, checkpoint and what is parked commit together.
 */
final class TransactionalRun {

    /** Pages without a wanted event move the checkpoint only this often: coming again, they have no effect. */
    private static final Duration CHECKPOINT_EVERY = Duration.ofMillis(200);

    private final TransactionalHandler handler;
    private final Database database;
    private final EventLog log;
    private final Ledger.Account account;
    private final Lot lot;
    private final Failures failures;
    private final ParkedKeys parked;
    private final Circuit circuit;
    private final Scheduler timer = Schedulers.parallel();
    private final Sinks.Empty<Void> ending = Sinks.empty();
    private volatile boolean ended;
    private Progress reached;
    private long storedAt = Clocks.millis(timer);
    private boolean probedParked;

    TransactionalRun(TransactionalHandler handler, Database database, EventLog log, Ledger.Account account, Lot lot) {
        this.handler = handler;
        this.database = database;
        this.log = log;
        this.account = account;
        this.lot = lot;
        this.failures = Failures.of(account, handler.retryPolicy(), timer);
        this.parked = failures.parked;
        this.circuit = failures.circuit;
        this.reached = new Progress(account.last().position(), Map.of(), circuit.error());
    }

    /** No further step begins. What has not been dealt with stays in the log. */
    void end() {
        ended = true;
        ending.tryEmitEmpty();
    }

    Mono<Void> ending() {
        return ending.asMono();
    }

    /** Whether something is left even if no page comes: a parked event will be due, or how far it has come is not stored. */
    boolean hasMoreToDo() {
        return parked.nextAt().isPresent() || !account.isStored(reach(reached.position()));
    }

    /** Deals with a page, lot by lot. */
    Mono<Void> settle(Page page) {
        return Mono.defer(() -> {
            Cursor cursor = new Cursor(page);
            return Mono.defer(() -> step(cursor))
                    .repeat(() -> !cursor.isDone() && !ended)
                    .then();
        });
    }

    /** Tries the parked event that is due, if one is. */
    Mono<Void> retryDue() {
        return Mono.defer(() -> {
            if (ended || (circuit.isOpen() && !circuit.mayProbe())) {
                return Mono.empty();
            }
            ParkedKeys.Entry entry = circuit.isOpen() ? parked.takeAny() : parked.takeDue();
            return entry == null ? flushNowAndThen() : retry(entry);
        });
    }

    /** Stores how far it has come, if that is not stored. */
    Mono<Void> flush() {
        return Mono.defer(() -> {
            Progress progress = reach(reached.position());
            return account.isStored(progress)
                    ? Mono.empty()
                    : account.store(progress).doOnSuccess(done -> stored(progress));
        });
    }

    /** Where in a page it is. */
    private static final class Cursor {

        final Page page;
        int from;

        Cursor(Page page) {
            this.page = page;
        }

        boolean isDone() {
            return from >= page.events().size();
        }

        Position after(int to) {
            return page.after(to);
        }
    }

    private Mono<Void> step(Cursor cursor) {
        if (ended) {
            return Mono.empty();
        }
        if (circuit.isOpen()) {
            return awaitProbe().then(Mono.defer(() -> probe(cursor)));
        }
        return deal(cursor, lot.size());
    }

    /** Deals with the next events, at most so many. */
    private Mono<Void> deal(Cursor cursor, int most) {
        int to = Math.min(cursor.page.events().size(), cursor.from + most);
        List<Event> events = cursor.page.events().subList(cursor.from, to).stream()
                .filter(this::isFree)
                .toList();
        if (events.isEmpty()) {
            return pass(cursor, to);
        }
        if (events.size() == 1 && lot.isAtFault(events.get(0).id())) {
            return settleFailure(cursor, to, events, new IllegalStateException("It ends the connection each time"));
        }
        return transaction(events, cursor.after(to), null)
                .doOnSuccess(committed -> cursor.from = to)
                .onErrorResume(error -> !isOurs(error), error -> settleFailure(cursor, to, events, error));
    }

    private Mono<Void> pass(Cursor cursor, int to) {
        cursor.from = to;
        reach(cursor.after(to));
        return flushNowAndThen();
    }

    /** An event whose key is held back is parked behind it; one that is parked already came again. */
    private boolean isFree(Event event) {
        if (parked.contains(event.id())) {
            return false;
        }
        if (parked.holds(event.key())) {
            parked.block(event.id(), event.key(), event.replayed());
            return false;
        }
        return true;
    }

    private Mono<Void> settleFailure(Cursor cursor, int to, List<Event> events, Throwable error) {
        if (events.size() > 1) {
            lot.failed(events.size());
            return Mono.empty();
        }
        Event event = events.get(0);
        Outcome failure = Outcome.failure(error, handler.retryPolicy());
        if (failures.isTheDestinations(event.key(), failure, true)) {
            return Mono.empty();
        }
        failures.park(event.id(), event.key(), event.replayed(), failure);
        return pass(cursor, to);
    }

    /** With the next event and with one that is parked in turn: should one of them be bad, the other is not. */
    private Mono<Void> probe(Cursor cursor) {
        if (ended) {
            return Mono.empty();
        }
        probedParked = !probedParked;
        ParkedKeys.Entry entry = probedParked ? parked.takeAny() : null;
        return entry == null ? deal(cursor, 1) : retry(entry);
    }

    private Mono<Void> awaitProbe() {
        Duration left = Duration.ofMillis(Math.max(0, circuit.probeAt() - Clocks.millis(timer)));
        return Mono.firstWithSignal(Mono.delay(left).then(), ending.asMono());
    }

    private Mono<Void> retry(ParkedKeys.Entry entry) {
        return log.event(entry.id)
                .map(event -> entry.replayed ? event.asReplayed() : event)
                .switchIfEmpty(Mono.error(() -> new UndeliverableException("The event is not in the log")))
                .flatMap(event -> transaction(List.of(event), reached.position(), entry))
                .onErrorResume(error -> !isOurs(error), error -> fail(entry, error));
    }

    private Mono<Void> fail(ParkedKeys.Entry entry, Throwable error) {
        Outcome failure = Outcome.failure(error, handler.retryPolicy());
        if (failures.isTheDestinations(entry.key, failure, true)) {
            parked.postpone(entry);
        } else {
            failures.fail(entry, failure);
        }
        return flush();
    }

    /** The handler's effects on the events, the position behind them, and what was parked on the way. */
    private Mono<Void> transaction(List<Event> events, Position after, ParkedKeys.@Nullable Entry retried) {
        Progress progress = candidate(after, retried);
        return database.<Void>inTransaction(connection -> Mono.defer(() -> handler.handle(events, connection))
                        .then(Mono.defer(() -> account.write(connection, progress))))
                .doOnError(
                        DatabaseUnavailableException.class,
                        lost -> lot.lost(events.size(), events.get(0).id()))
                .doOnSuccess(committed -> commit(progress, retried));
    }

    private Progress candidate(Position after, ParkedKeys.@Nullable Entry retried) {
        Progress known = reach(reached.position());
        Map<Long, @Nullable ParkedEvent> changes = new LinkedHashMap<>(known.parked());
        if (retried != null) {
            changes.put(retried.id, null);
        }
        return new Progress(after, changes, null);
    }

    private void commit(Progress progress, ParkedKeys.@Nullable Entry retried) {
        account.stored(progress);
        stored(progress);
        lot.succeeded();
        if (retried != null) {
            parked.deliver(retried);
        }
        failures.succeeded();
    }

    private void stored(Progress progress) {
        reached = new Progress(progress.position(), Map.of(), progress.circuit());
        storedAt = Clocks.millis(timer);
    }

    private Progress reach(Position position) {
        reached = reached.then(new Progress(position, parked.takeChanges(), circuit.error()));
        return reached;
    }

    private Mono<Void> flushNowAndThen() {
        return Clocks.millis(timer) - storedAt < CHECKPOINT_EVERY.toMillis() ? Mono.empty() : flush();
    }

    /** Not the handler's failure: it is not known what was committed, so the position has to be loaded again. */
    private static boolean isOurs(Throwable error) {
        return error instanceof DatabaseUnavailableException
                || error instanceof StaleLeaderException
                || error instanceof StalePositionException;
    }
}
