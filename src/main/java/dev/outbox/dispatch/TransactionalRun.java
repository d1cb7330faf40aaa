package dev.outbox.dispatch;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.Page;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.Position;
import dev.outbox.log.StaleLeaderException;
import dev.outbox.log.StalePositionException;
import dev.outbox.logging.LogValue;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.ValidationDepth;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;

/**
 * One run of a {@link TransactionalSubscription}, in two lanes: the pages, and beside them the events that are parked, so that neither waits
 * for what the other's handler does. What both have done is stored in turns, each on top of the other's checkpoint.
 *
 * <p>A batch of events whose handler fails is rolled back and comes again as a smaller one, until the event that fails is alone: that one
 * is parked. Each good one has its effect once, since effect, checkpoint and what is parked commit together. So what a batch parks
 * counts when that batch commits, and not before.
 *
 * <p>What failed before the commit was asked for is the handler's failure, the loss of its connection and its deadline too: it is known
 * that nothing is committed. A failure of the commit ends the run, which begins again from what is stored.
 */
final class TransactionalRun {

    private static final Logger LOG = LoggerFactory.getLogger(TransactionalRun.class);

    /** Pages without a wanted event move the checkpoint only this often: coming again, they have no effect. */
    private static final Duration CHECKPOINT_EVERY = Duration.ofMillis(200);

    /** How often to look whether there is room again. */
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private static final long NEVER = Long.MAX_VALUE;

    /** With so many parked events that are not stored yet they are stored at once. */
    private static final int UNSAVED = 5_000;

    /** Of events that were parked, the most in one transaction: their payloads are read without a bound on bytes. */
    private static final int PARKED_BATCH = 200;

    private final TransactionalHandler handler;
    private final RetryPolicy policy;
    private final Duration within;
    private final Database database;
    private final Function<List<Long>, Mono<List<Event>>> log;
    private final Account account;
    private final BatchSize batchSize;
    private final BatchSize parkedBatchSize;
    private final Scheduler timer;
    private final Mutex mutex = new Mutex();
    private final Sinks.Empty<Void> ending = Sinks.empty();
    private final Sinks.Empty<Void> abandoned = Sinks.empty();
    private volatile Sinks.Empty<Void> bell = Sinks.empty();
    private volatile boolean ended;

    /** What is below both lanes touch, in short steps: guarded by this. */
    private final Failures failures;

    private final ParkedKeys parked;
    private final Circuit circuit;

    /** What became of parked events, and is not stored. */
    private final Map<Long, @Nullable ParkedEvent> changes = new LinkedHashMap<>();

    private Position position;
    private boolean probing;
    private long storedAt;

    /**
     * @param within how long a handler may take
     * @param log reads events that were parked
     * @param batchSize how many new events are handled at once
     * @param parkedBatchSize how many that were parked
     */
    TransactionalRun(
            TransactionalHandler handler,
            RetryPolicy policy,
            Duration within,
            Database database,
            Function<List<Long>, Mono<List<Event>>> log,
            Account account,
            BatchSize batchSize,
            BatchSize parkedBatchSize,
            Scheduler timer) {
        this.handler = handler;
        this.policy = policy;
        this.within = within;
        this.database = database;
        this.log = log;
        this.account = account;
        this.batchSize = batchSize;
        this.parkedBatchSize = parkedBatchSize;
        this.timer = timer;
        this.storedAt = Clocks.millis(timer);
        this.failures = Failures.of(account, policy, true, timer);
        this.parked = failures.parked;
        this.circuit = failures.circuit;
        this.position = account.last().position();
    }

    /**
     * Deals with the pages and with what is parked.
     *
     * @param stop when it completes no further step begins. What has not been dealt with stays in the log.
     * @return how far it has come after each step
     */
    Flux<Position> run(Flux<Page> pages, Mono<Void> stop) {
        Flux<Position> work = failures.expecting(pages, account)
                .concatMap(this::steps, 0)
                .takeUntilOther(Mono.firstWithSignal(stop.doOnSuccess(told -> end()), ending.asMono()))
                .doOnComplete(this::end)
                .concatMap(step -> step.then(Mono.fromSupplier(this::reachedAfterStep)), 1);
        Mono<Void> retries = Mono.defer(this::untilNext)
                .then(Mono.defer(this::retryDue))
                .then(Mono.defer(this::flushNowAndThen))
                .doOnSuccess(done -> endIfCrowded())
                .repeat(() -> !ended)
                .then();
        return Flux.merge(work, retries.then(Mono.<Position>empty()))
                .concatWith(Mono.defer(this::flush).then(Mono.<Position>empty()))
                .doFinally(end -> abandoned.tryEmitEmpty());
    }

    private Position reachedAfterStep() {
        endIfCrowded();
        ring();
        return position();
    }

    private synchronized Position position() {
        return position;
    }

    private void end() {
        ended = true;
        ending.tryEmitEmpty();
    }

    /** The next run begins with less in memory. */
    private synchronized void endIfCrowded() {
        if (!ended && parked.isCrowded()) {
            end();
        }
    }

    /** There may be something to do for what is parked. */
    private void ring() {
        bell.tryEmitEmpty();
    }

    /** Until there is something to do beside the pages: a parked event is due, or how far it has come is to be stored. */
    private Mono<Void> untilNext() {
        Sinks.Empty<Void> rung = Sinks.empty();
        bell = rung;
        long at = nextAt();
        long left = at - Clocks.millis(timer);
        if (left <= 0) {
            return Mono.empty();
        }
        Mono<Void> due = at == NEVER
                ? Mono.never()
                : Mono.delay(Duration.ofMillis(left), timer).then();
        return Mono.firstWithSignal(due, rung.asMono(), ending.asMono());
    }

    private synchronized long nextAt() {
        return Math.min(isStored() ? NEVER : storedAt + CHECKPOINT_EVERY.toMillis(), retriesAt());
    }

    /** When there is something to do for what is parked, in ms: before that {@link #retryDue} does nothing. */
    private synchronized long retriesAt() {
        long due = parked.hasLoads() ? Clocks.millis(timer) : parked.nextAt().orElse(NEVER);
        if (due == NEVER || !circuit.isOpen()) {
            return due;
        }
        return probing ? NEVER : circuit.probeAt(true);
    }

    /** What there is to do for a page, step by step. */
    private Flux<Mono<Void>> steps(Page page) {
        Cursor cursor = new Cursor(page);
        return Flux.generate(sink -> {
            if (cursor.isDone() || ended) {
                sink.complete();
            } else {
                sink.next(Mono.defer(() -> step(cursor)));
            }
        });
    }

    /** Tries the parked events that are due, at most one batch, or reads what follows those that are done. */
    private Mono<Void> retryDue() {
        if (ended || retriesAt() > Clocks.millis(timer)) {
            return Mono.empty();
        }
        if (hasLoads()) {
            return flush().then(Mono.defer(this::load));
        }
        if (isOpen()) {
            return takeProbe(true) ? probed(retry(takeAny(), true)) : Mono.empty();
        }
        return retry(takeDue(), false);
    }

    private synchronized boolean hasLoads() {
        return parked.hasLoads();
    }

    private synchronized List<ParkedKeys.Entry> takeDue() {
        return parked.takeDue(Math.min(PARKED_BATCH, parkedBatchSize.size()));
    }

    private synchronized List<ParkedKeys.Entry> takeAny() {
        ParkedKeys.Entry entry = parked.takeAny();
        return entry == null ? List.of() : List.of(entry);
    }

    private Mono<Void> load() {
        return Flux.fromIterable(takeLoads())
                .concatMap(load -> account.next(load).doOnNext(rows -> loaded(load, rows)), 1)
                .then();
    }

    private synchronized List<ParkedKeys.Load> takeLoads() {
        return parked.takeLoads();
    }

    private synchronized void loaded(ParkedKeys.Load load, List<ParkedRow> rows) {
        parked.loaded(load, rows);
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
        if (isOpen()) {
            return takeProbe(false) ? probed(deal(cursor, 1, true)) : rest();
        }
        return isFull() ? rest() : deal(cursor, batchSize.size(), false);
    }

    /** One probe at a time, of either lane. */
    private synchronized boolean takeProbe(boolean ofParked) {
        if (probing || !circuit.mayProbe(ofParked)) {
            return false;
        }
        probing = true;
        return true;
    }

    private Mono<Void> probed(Mono<Void> probe) {
        return probe.doOnTerminate(this::endProbe);
    }

    private synchronized void endProbe() {
        probing = false;
    }

    private synchronized boolean isOpen() {
        return circuit.isOpen();
    }

    private synchronized boolean isFull() {
        return parked.keys() >= HandlerSubscription.PARKED_KEYS;
    }

    /** There is no room for more, or the circuit is open. What is parked goes on meanwhile, and may change either. */
    private Mono<Void> rest() {
        return flushNowAndThen()
                .then(Mono.firstWithSignal(Mono.delay(LOOK_EVERY, timer).then(), ending.asMono()));
    }

    /** Deals with the next events, at most so many. */
    private Mono<Void> deal(Cursor cursor, int most, boolean probe) {
        int to = Math.min(cursor.page.events().size(), cursor.from + most);
        Portion portion = portion(cursor, to);
        List<Event> events = portion.free();
        if (events.isEmpty()) {
            return pass(cursor, to, portion);
        }
        return transaction(events, () -> candidate(cursor.after(to), portion.changes()), () -> {
                    batchSize.succeeded(events.size());
                    moveTo(cursor, to);
                    portion.stored(parked);
                })
                .onErrorResume(HandlerFailure.class, failed -> settleFailure(cursor, to, portion, probe, failed));
    }

    private synchronized Portion portion(Cursor cursor, int to) {
        return Portion.of(cursor.page.events().subList(cursor.from, to), parked);
    }

    /** None of the portion is to be handled, or what was is parked. */
    private Mono<Void> pass(Cursor cursor, int to, Portion portion) {
        park(cursor, to, portion);
        return flushNowAndThen();
    }

    private synchronized void park(Cursor cursor, int to, Portion portion) {
        portion.park(parked);
        moveTo(cursor, to);
    }

    private synchronized void moveTo(Cursor cursor, int to) {
        cursor.moveTo(to);
        position = cursor.after(to);
    }

    private Mono<Void> settleFailure(Cursor cursor, int to, Portion portion, boolean probe, HandlerFailure failed) {
        Event first = portion.free().get(0);
        if (portion.free().size() > 1) {
            narrow(batchSize, portion.free().size(), first.id(), failed);
            return Mono.empty();
        }
        if (failed.lost && !batchSize.lostAgain(first.id())) {
            return Mono.empty();
        }
        if (failed.isDear()) {
            batchSize.found();
        }
        return isParked(first, failed.cause, probe) ? pass(cursor, to, portion) : Mono.empty();
    }

    private synchronized boolean isParked(Event event, Throwable error, boolean probe) {
        Outcome failure = Outcome.failure(error, policy);
        if (failures.isTheDestinations(event.aggregate(), failure, false, probe)) {
            return false;
        }
        failures.park(event, failure);
        return true;
    }

    private void narrow(BatchSize narrowed, int events, long first, HandlerFailure failed) {
        if (failed.isDear()) {
            narrowed.failedDearly(events);
        } else {
            narrowed.failed(events);
        }
        LOG.info(
                "batch.narrowed subscription={} events={} first={} then={} error=\"{}\"",
                account.last().subscription(),
                events,
                first,
                narrowed.size(),
                LogValue.quoted(Outcome.describe(failed.cause)));
    }

    /** Those that were parked, in one transaction with the end of their rows. */
    private Mono<Void> retry(List<ParkedKeys.Entry> entries, boolean probe) {
        return entries.isEmpty()
                ? Mono.empty()
                : events(entries)
                        .flatMap(events -> transaction(events, () -> finished(entries), () -> {
                            parkedBatchSize.succeeded(events.size());
                            parked.deliverStored(entries);
                        }))
                        .onErrorResume(
                                HandlerFailure.class, failed -> Mono.fromRunnable(() -> fail(entries, failed, probe)));
    }

    private Mono<List<Event>> events(List<ParkedKeys.Entry> entries) {
        List<Long> unread = entries.stream()
                .filter(entry -> entry.event == null)
                .map(entry -> entry.id)
                .toList();
        return (unread.isEmpty() ? Mono.just(List.<Event>of()) : log.apply(unread))
                .map(read -> events(entries, read.stream().collect(Collectors.toMap(Event::id, Function.identity()))));
    }

    private static List<Event> events(List<ParkedKeys.Entry> entries, Map<Long, Event> read) {
        List<Event> events = new ArrayList<>();
        for (ParkedKeys.Entry entry : entries) {
            Event event = entry.event == null ? read.get(entry.id) : entry.event;
            if (event == null) {
                throw new HandlerFailure(new UndeliverableException("The event is not in the log"), false);
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

    private synchronized void fail(List<ParkedKeys.Entry> entries, HandlerFailure failed, boolean probe) {
        ParkedKeys.Entry entry = entries.get(0);
        if (entries.size() > 1) {
            narrow(parkedBatchSize, entries.size(), entry.id, failed);
            parked.putBack(entries);
            return;
        }
        if (failed.lost && !parkedBatchSize.lostAgain(entry.id)) {
            parked.putBack(entries);
            return;
        }
        if (failed.isDear()) {
            parkedBatchSize.found();
        }
        Outcome failure = Outcome.failure(failed.cause, policy);
        if (failures.isTheDestinations(entry.aggregate, failure, true, probe)) {
            parked.postpone(entry);
        } else {
            failures.fail(entry, failure);
        }
    }

    /**
     * The handler's effects on the events, and what is to be stored with them.
     *
     * @param progress asked for when nobody else stores
     * @param committed what follows from it
     * @return fails with a {@link HandlerFailure} if it is known that nothing was committed, and the run can go on
     */
    private Mono<Void> transaction(List<Event> events, Supplier<Progress> progress, Runnable committed) {
        return Mono.defer(() -> {
            Mutex.Lock lock = mutex.lock();
            return Database.toItsEnd(database.inTransaction(connection -> handle(events, connection)
                            .then(lock.acquire())
                            .then(Mono.defer(() -> write(connection, progress.get())))
                            .onErrorResume(error -> blame(connection, error)))
                    .onErrorMap(error -> !isOurs(error), error -> HandlerFailure.of(error, false))
                    .doOnSuccess(stored -> commit(stored, committed))
                    .doOnTerminate(lock::release)
                    .then());
        });
    }

    private Mono<Progress> write(PostgresqlConnection connection, Progress progress) {
        return account.write(connection, progress).thenReturn(progress);
    }

    /** Before the commit a failure is the handler's, unless the fence says that somebody else runs the subscription. */
    private static Mono<Progress> blame(PostgresqlConnection connection, Throwable error) {
        return isTheFences(error)
                ? Mono.error(error)
                : Mono.from(connection.validate(ValidationDepth.LOCAL))
                        .onErrorReturn(false)
                        .flatMap(connected -> Mono.error(HandlerFailure.of(error, !connected)));
    }

    /** From the commit on a failure that says that the database is away leaves open whether it took effect. */
    private static boolean isOurs(Throwable error) {
        return error instanceof DatabaseUnavailableException || isTheFences(error);
    }

    private static boolean isTheFences(Throwable error) {
        return error instanceof StaleLeaderException || error instanceof StalePositionException;
    }

    /** Ends with the handler, or with its connection when its time is over or nobody waits for it any more. */
    private Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
        AtomicBoolean late = new AtomicBoolean();
        Mono<Void> tooLate = Mono.firstWithSignal(Mono.delay(within, timer).then(), abandoned.asMono())
                .then(Mono.defer(() -> {
                    late.set(true);
                    return connection.close().onErrorComplete();
                }))
                .then(Mono.error(TransactionalRun::tooLate));
        List<Event> given = events.stream()
                .map(event -> event.from(account.last().origin()))
                .toList();
        return Mono.firstWithSignal(new Attempt(() -> handler.handle(given, connection)), tooLate)
                .then(Mono.defer(() -> requireTransaction(connection)))
                .onErrorMap(error -> late.get(), error -> new HandlerFailure(tooLate(), false));
    }

    private static Mono<Void> requireTransaction(PostgresqlConnection connection) {
        return connection.isAutoCommit()
                ? Mono.error(new IllegalStateException("the handler ended the transaction, which is the relay's"))
                : Mono.empty();
    }

    private static TimeoutException tooLate() {
        return new TimeoutException("the handler did not end in time");
    }

    /** The event is not dealt with, or it is known that its effects are not committed. */
    private static final class HandlerFailure extends RuntimeException {

        private final transient Throwable cause;

        /** Whether the connection was lost: by the handler's doing, or the server's. */
        private final boolean lost;

        HandlerFailure(Throwable cause, boolean lost) {
            super(null, cause, false, false);
            this.cause = cause;
            this.lost = lost;
        }

        /** Whether it cost a deadline or a connection, and would again. */
        boolean isDear() {
            return lost || cause instanceof TimeoutException;
        }

        static HandlerFailure of(Throwable error, boolean lost) {
            return error instanceof HandlerFailure known ? known : new HandlerFailure(error, lost);
        }
    }

    private synchronized Progress finished(List<ParkedKeys.Entry> entries) {
        return candidate(position, done(entries));
    }

    private synchronized Progress candidate(Position after, Map<Long, @Nullable ParkedEvent> more) {
        Progress now = progress(after);
        now.parked().putAll(more);
        return new Progress(after, now.parked(), null, now.full());
    }

    /** What is to be stored at a position, of which a copy of all changes is part. */
    private Progress progress(Position at) {
        changes.putAll(parked.takeChanges());
        return new Progress(at, new LinkedHashMap<>(changes), circuit.error(), isFull());
    }

    private synchronized void commit(Progress stored, Runnable committed) {
        account.stored(stored);
        failures.succeeded();
        stored();
        committed.run();
    }

    private synchronized void stored() {
        changes.clear();
        storedAt = Clocks.millis(timer);
    }

    private synchronized boolean isStored() {
        return changes.isEmpty()
                && parked.unsaved() == 0
                && account.isStored(new Progress(position, Map.of(), circuit.error(), isFull()));
    }

    /** Stores how far it has come, if that is not stored. */
    private Mono<Void> flush() {
        return Mono.defer(() -> {
            Mutex.Lock lock = mutex.lock();
            return Database.toItsEnd(
                    lock.acquire().then(Mono.defer(this::store)).doOnTerminate(lock::release));
        });
    }

    private Mono<Void> store() {
        Progress reached = reached();
        return reached == null ? Mono.empty() : account.store(reached).doOnSuccess(done -> stored());
    }

    private synchronized @Nullable Progress reached() {
        return isStored() ? null : progress(position);
    }

    private Mono<Void> flushNowAndThen() {
        return isFlushDue() ? flush() : Mono.empty();
    }

    private synchronized boolean isFlushDue() {
        return Clocks.millis(timer) - storedAt >= CHECKPOINT_EVERY.toMillis()
                || changes.size() + parked.unsaved() >= UNSAVED;
    }
}
