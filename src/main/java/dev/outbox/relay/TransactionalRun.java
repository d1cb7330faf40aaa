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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * One run of a {@link TransactionalSubscription}. Its steps are taken one after the other.
 *
 * <p>A lot of events whose handler fails is rolled back and comes again as a smaller one, until the event that fails is alone: that one
 * is parked. Each good one has its effect once, since effect, checkpoint and what is parked commit together. So what a lot parks
 * counts when that lot commits, and not before.
 */
final class TransactionalRun {

    private static final Logger LOG = LoggerFactory.getLogger(TransactionalRun.class);

    /** Pages without a wanted event move the checkpoint only this often: coming again, they have no effect. */
    private static final Duration CHECKPOINT_EVERY = Duration.ofMillis(200);

    /** How often to look whether a parked event is due, while there are any or a position is to be stored. */
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private static final String ENDS_THE_CONNECTION = "It ends the connection each time";

    private static final long NEVER = Long.MAX_VALUE;

    /** With so many parked events that are not stored yet they are stored at once. */
    private static final int UNSAVED = 5_000;

    /** Of events that were parked, the most in one transaction: their payloads are read without a bound on bytes. */
    private static final int PARKED_LOT = 200;

    private final TransactionalHandler handler;
    private final Database database;
    private final EventLog log;
    private final Ledger.Account account;
    private final Lot lot;
    private final Lot parkedLot;
    private final Failures failures;
    private final ParkedKeys parked;
    private final Circuit circuit;
    private final Scheduler timer = Schedulers.parallel();
    private final Sinks.Empty<Void> ending = Sinks.empty();
    private volatile boolean ended;
    private volatile boolean dealing;
    private Progress reached;
    private long storedAt = Clocks.millis(timer);
    private boolean probedParked;

    /**
     * @param lot how many new events are handled at once
     * @param parkedLot how many that were parked
     */
    TransactionalRun(
            TransactionalHandler handler,
            Database database,
            EventLog log,
            Ledger.Account account,
            Lot lot,
            Lot parkedLot) {
        this.handler = handler;
        this.database = database;
        this.log = log;
        this.account = account;
        this.lot = lot;
        this.parkedLot = parkedLot;
        this.failures = Failures.of(account, handler.retryPolicy(), true, timer);
        this.parked = failures.parked;
        this.circuit = failures.circuit;
        this.reached = new Progress(account.last().position(), Map.of(), circuit.error(), false);
    }

    /** The pages, each with what is known of those of its events that are parked although they come again. */
    Flux<Page> expecting(Flux<Page> pages) {
        return failures.expecting(pages, account);
    }

    /** No further step begins. What has not been dealt with stays in the log. */
    void end() {
        ended = true;
        ending.tryEmitEmpty();
    }

    Mono<Void> ending() {
        return ending.asMono();
    }

    /** When something is to be done even if no page comes, in ms: a parked event is due, or how far it has come is to be stored. */
    long nextAt() {
        long stores = account.isStored(reach(reached.position())) ? NEVER : storedAt + CHECKPOINT_EVERY.toMillis();
        return Math.min(stores, retriesAt());
    }

    /** When there is something to do for what is parked, in ms: before that {@link #retryDue} does nothing. */
    private long retriesAt() {
        long due = parked.hasLoads() ? Clocks.millis(timer) : parked.nextAt().orElse(NEVER);
        return due != NEVER && circuit.isOpen() ? circuit.probeAt() : due;
    }

    /** Until then, but no longer than from one look to the next; empty if there is nothing to look for. From any thread. */
    Mono<Long> until(long at) {
        if (at == NEVER) {
            return Mono.empty();
        }
        long left = Math.min(at - Clocks.millis(timer), LOOK_EVERY.toMillis());
        return left <= 0 && !dealing
                ? Mono.just(at)
                : Mono.delay(Duration.ofMillis(left <= 0 ? LOOK_EVERY.toMillis() : left));
    }

    /** What there is to do for a page, step by step: in each its next events, after a lot of parked ones if there are any due. */
    Flux<Mono<Void>> steps(Page page) {
        Cursor cursor = new Cursor(page);
        dealing = true;
        return Flux.<Mono<Void>>generate(sink -> {
                    if (cursor.isDone() || ended) {
                        sink.complete();
                    } else {
                        sink.next(Mono.defer(this::retryDue).then(Mono.defer(() -> step(cursor))));
                    }
                })
                .doFinally(end -> dealing = false);
    }

    /** Parked events are looked after by the steps of a page while there is one. */
    Mono<Void> whileIdle() {
        return Mono.defer(() -> dealing ? Mono.empty() : retryDue().then(Mono.defer(this::flushNowAndThen)));
    }

    /** Tries the parked events that are due, at most one lot, or reads what follows those that are done. */
    private Mono<Void> retryDue() {
        if (ended || (circuit.isOpen() && dealing) || retriesAt() > Clocks.millis(timer)) {
            return Mono.empty();
        }
        if (parked.hasLoads()) {
            return flush().then(Mono.defer(this::load));
        }
        return retry(circuit.isOpen() ? any() : parked.takeDue(Math.min(PARKED_LOT, parkedLot.size())));
    }

    private List<ParkedKeys.Entry> any() {
        ParkedKeys.Entry entry = parked.takeAny();
        return entry == null ? List.of() : List.of(entry);
    }

    private Mono<Void> load() {
        return Flux.fromIterable(parked.takeLoads())
                .concatMap(load -> account.next(load).doOnNext(rows -> parked.loaded(load, rows)), 1)
                .then();
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
        volatile int from;
        private volatile boolean dealt;

        Cursor(Page page) {
            this.page = page;
        }

        /** A page without a wanted event is done when it was passed. */
        boolean isDone() {
            return dealt && from >= page.events().size();
        }

        void moveTo(int to) {
            from = to;
            dealt = true;
        }

        Position after(int to) {
            return page.after(to);
        }
    }

    private Mono<Void> step(Cursor cursor) {
        if (ended || cursor.isDone()) {
            return Mono.empty();
        }
        if (circuit.isOpen()) {
            return awaitProbe().then(Mono.defer(() -> probe(cursor)));
        }
        return isFull() ? rest() : deal(cursor, lot.size());
    }

    /** There is no room for more; what is parked goes on meanwhile. */
    private Mono<Void> rest() {
        OptionalLong next = parked.nextAt();
        long left = next.isEmpty() ? Long.MAX_VALUE : next.getAsLong() - Clocks.millis(timer);
        Duration pause = Duration.ofMillis(Math.max(0, Math.min(left, LOOK_EVERY.toMillis())));
        return flushNowAndThen().then(Mono.firstWithSignal(Mono.delay(pause).then(), ending.asMono()));
    }

    private boolean isFull() {
        return parked.keys() >= HandlerSubscription.PARKED_KEYS;
    }

    /** Deals with the next events, at most so many. */
    private Mono<Void> deal(Cursor cursor, int most) {
        int to = Math.min(cursor.page.events().size(), cursor.from + most);
        Portion portion = Portion.of(cursor.page.events().subList(cursor.from, to), parked);
        List<Event> events = portion.free();
        if (events.isEmpty()) {
            return pass(cursor, to, portion);
        }
        if (events.size() == 1 && lot.isAtFault(events.get(0).id())) {
            return settleFailure(cursor, to, portion, new IllegalStateException(ENDS_THE_CONNECTION));
        }
        return transaction(events, candidate(cursor.after(to), portion.changes()), lot)
                .doOnSuccess(committed -> {
                    cursor.moveTo(to);
                    portion.stored(parked);
                })
                .onErrorResume(error -> !isOurs(error), error -> settleFailure(cursor, to, portion, error));
    }

    /** None of the portion is to be handled, or what was is parked. */
    private Mono<Void> pass(Cursor cursor, int to, Portion portion) {
        portion.park(parked);
        cursor.moveTo(to);
        reach(cursor.after(to));
        return flushNowAndThen();
    }

    private Mono<Void> settleFailure(Cursor cursor, int to, Portion portion, Throwable error) {
        if (portion.free().size() > 1) {
            Event first = portion.free().get(0);
            narrow(lot, portion.free().size(), first.id(), error);
            return Mono.empty();
        }
        Event event = portion.free().get(0);
        Outcome failure = Outcome.failure(error, handler.retryPolicy());
        if (failures.isTheDestinations(event.key(), failure, true)) {
            return Mono.empty();
        }
        failures.park(event, failure);
        return pass(cursor, to, portion);
    }

    private void narrow(Lot failed, int events, long first, Throwable error) {
        failed.failed(events);
        LOG.info(
                "lot.narrowed subscription={} events={} first={} then={} error=\"{}\"",
                account.last().subscription(),
                events,
                first,
                failed.size(),
                Outcome.describe(error));
    }

    /** With the next event and with one that is parked in turn: should one of them be bad, the other is not. */
    private Mono<Void> probe(Cursor cursor) {
        if (ended) {
            return Mono.empty();
        }
        probedParked = !probedParked;
        List<ParkedKeys.Entry> entries = probedParked ? any() : List.of();
        return entries.isEmpty() ? deal(cursor, 1) : retry(entries);
    }

    private Mono<Void> awaitProbe() {
        Duration left = Duration.ofMillis(Math.max(0, circuit.probeAt() - Clocks.millis(timer)));
        return Mono.firstWithSignal(Mono.delay(left).then(), ending.asMono());
    }

    /** Those that were parked, in one transaction with the end of their rows. */
    private Mono<Void> retry(List<ParkedKeys.Entry> entries) {
        if (entries.isEmpty()) {
            return Mono.empty();
        }
        return entries.size() == 1 && parkedLot.isAtFault(entries.get(0).id)
                ? fail(entries, new IllegalStateException(ENDS_THE_CONNECTION))
                : events(entries)
                        .flatMap(events -> transaction(events, candidate(reached.position(), done(entries)), parkedLot))
                        .doOnSuccess(committed -> parked.deliverStored(entries))
                        .onErrorResume(error -> !isOurs(error), error -> fail(entries, error));
    }

    private Mono<List<Event>> events(List<ParkedKeys.Entry> entries) {
        List<Long> unread = entries.stream()
                .filter(entry -> entry.event == null)
                .map(entry -> entry.id)
                .toList();
        return (unread.isEmpty() ? Mono.just(List.<Event>of()) : log.events(unread))
                .map(read -> events(entries, read.stream().collect(Collectors.toMap(Event::id, Function.identity()))));
    }

    private static List<Event> events(List<ParkedKeys.Entry> entries, Map<Long, Event> read) {
        List<Event> events = new ArrayList<>();
        for (ParkedKeys.Entry entry : entries) {
            Event event = entry.event == null ? read.get(entry.id) : entry.event;
            if (event == null) {
                throw new UndeliverableException("The event is not in the log");
            }
            events.add(entry.replayed ? event.asReplayed() : event);
        }
        return events;
    }

    private static Map<Long, @Nullable ParkedEvent> done(List<ParkedKeys.Entry> entries) {
        Map<Long, @Nullable ParkedEvent> done = new LinkedHashMap<>();
        entries.forEach(entry -> done.put(entry.id, null));
        return done;
    }

    private Mono<Void> fail(List<ParkedKeys.Entry> entries, Throwable error) {
        if (entries.size() > 1) {
            narrow(parkedLot, entries.size(), entries.get(0).id, error);
            parked.putBack(entries);
            return Mono.empty();
        }
        ParkedKeys.Entry entry = entries.get(0);
        Outcome failure = Outcome.failure(error, handler.retryPolicy());
        if (failures.isTheDestinations(entry.key, failure, true)) {
            parked.postpone(entry);
        } else {
            failures.fail(entry, failure);
        }
        return flush();
    }

    /** The handler's effects on the events, the position behind them, and what was parked on the way. */
    private Mono<Void> transaction(List<Event> events, Progress progress, Lot of) {
        AtomicBoolean begun = new AtomicBoolean();
        return database.<Void>inTransaction(connection -> {
                    begun.set(true);
                    return Mono.defer(() -> handler.handle(events, connection))
                            .then(Mono.defer(() -> account.write(connection, progress)));
                })
                .doOnError(DatabaseUnavailableException.class, lost -> {
                    if (begun.get()) {
                        of.lost(events.size(), events.get(0).id());
                    }
                })
                .doOnSuccess(committed -> commit(progress, of));
    }

    private Progress candidate(Position after, Map<Long, @Nullable ParkedEvent> changes) {
        Map<Long, @Nullable ParkedEvent> all =
                new LinkedHashMap<>(reach(reached.position()).parked());
        all.putAll(changes);
        return new Progress(after, all, null, isFull());
    }

    private void commit(Progress progress, Lot of) {
        account.stored(progress);
        stored(progress);
        of.succeeded();
        failures.succeeded();
    }

    private void stored(Progress progress) {
        reached = new Progress(progress.position(), Map.of(), progress.circuit(), progress.full());
        storedAt = Clocks.millis(timer);
    }

    private Progress reach(Position position) {
        reached = reached.then(new Progress(position, parked.takeChanges(), circuit.error(), isFull()));
        return reached;
    }

    private Mono<Void> flushNowAndThen() {
        boolean soon = Clocks.millis(timer) - storedAt < CHECKPOINT_EVERY.toMillis();
        return soon && reached.parked().size() + parked.unsaved() < UNSAVED ? Mono.empty() : flush();
    }

    /** Not the handler's failure: it is not known what was committed, so the position has to be loaded again. */
    private static boolean isOurs(Throwable error) {
        return error instanceof DatabaseUnavailableException
                || error instanceof StaleLeaderException
                || error instanceof StalePositionException;
    }
}
