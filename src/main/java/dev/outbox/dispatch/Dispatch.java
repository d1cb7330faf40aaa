package dev.outbox.dispatch;

import dev.outbox.log.Page;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.Position;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.Exceptions;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** One run of a {@link KeyedDispatcher}. All state below the queues is touched by {@link #drain} only, which one thread runs at a time. */
final class Dispatch extends BaseSubscriber<Page> {

    private final Deliverer deliverer;
    private final KeyedDispatcher.Bounds bounds;
    private final Scheduler timer;
    private final FluxSink<Progress> sink;
    private final Queue<Page> arrived = new ConcurrentLinkedQueue<>();
    private final Queue<Delivery> ended = new ConcurrentLinkedQueue<>();
    private final Queue<Runnable> loaded = new ConcurrentLinkedQueue<>();
    private final AtomicInteger wakeUps = new AtomicInteger();
    private final Disposable.Swap alarm = Disposables.swap();
    private final Disposable.Swap end = Disposables.swap();
    private volatile boolean complete;
    private volatile boolean stopped;
    private volatile boolean rang;
    private volatile @Nullable Throwable failure;

    private final Failures failures;
    private final ParkedKeys parked;
    private final Circuit circuit;
    private final InFlight inFlight;
    private final Set<Delivery> running = new LinkedHashSet<>();
    private int retrying;
    private boolean newcomersTurn;
    private boolean asked;
    private boolean left;
    private boolean moved;
    private long alarmAt = Long.MAX_VALUE;
    private boolean abandoned;

    /** How many times progress was handed on, and how many of these are stored: all but the last, and that one when more is asked for. */
    private long emitted;

    private final List<ParkedKeys.Load> loads = new ArrayList<>();

    Dispatch(
            Deliverer deliverer,
            KeyedDispatcher.Bounds bounds,
            Scheduler timer,
            Position from,
            Failures failures,
            FluxSink<Progress> sink) {
        this.deliverer = deliverer;
        this.bounds = bounds;
        this.timer = timer;
        this.inFlight = new InFlight(from);
        this.failures = failures;
        this.parked = failures.parked;
        this.circuit = failures.circuit;
        this.sink = sink;
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        drain();
    }

    @Override
    protected void hookOnNext(Page page) {
        arrived.add(page);
        drain();
    }

    @Override
    protected void hookOnComplete() {
        complete = true;
        drain();
    }

    @Override
    protected void hookOnError(Throwable error) {
        fail(error);
    }

    void fail(Throwable error) {
        failure = error;
        drain();
    }

    /** What is not started when that completes is left. */
    void endWith(Mono<Void> ending) {
        end.update(ending.subscribe(nothing -> {}, this::fail, () -> {
            complete = true;
            cancel();
            drain();
        }));
    }

    void stop() {
        stopped = true;
        cancel();
        drain();
    }

    void end(Delivery delivery) {
        ended.add(delivery);
        drain();
    }

    void drain() {
        if (wakeUps.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            turnOrFail();
            seen = wakeUps.addAndGet(-seen);
        } while (seen != 0);
    }

    /** What a turn throws ends the run, which begins again: a turn that was left half done must not be the last one. */
    private void turnOrFail() {
        try {
            turn();
        } catch (Throwable error) {
            failure = error;
            abandon();
            Exceptions.throwIfJvmFatal(error);
        }
    }

    private void turn() {
        if (stopped || failure != null) {
            abandon();
            return;
        }
        settleEnded();
        expire();
        settleEnded();
        takeLoaded();
        admitArrived();
        endIfCrowded();
        if (complete) {
            leaveTheRest();
        } else {
            start();
        }
        setAlarm();
        publish();
        load();
        finishOrAsk();
    }

    /** The next run begins with less in memory. */
    private void endIfCrowded() {
        if (!complete && parked.isCrowded()) {
            complete = true;
            cancel();
        }
    }

    /** The attempts that have taken too long: the oldest ones in flight. */
    private void expire() {
        if (!rang) {
            return;
        }
        long now = Clocks.millis(timer);
        for (Delivery delivery : running) {
            if (delivery.expiresAt() > now) {
                break;
            }
            delivery.expire();
        }
    }

    private void settleEnded() {
        for (Delivery delivery = ended.poll(); delivery != null; delivery = ended.poll()) {
            if (!running.remove(delivery)) {
                continue; // it ended while it expired
            }
            if (delivery.parked == null) {
                settle(delivery);
            } else {
                retrying--;
                settleParked(delivery, delivery.parked);
            }
        }
    }

    private void settle(Delivery delivery) {
        if (delivery.outcome() instanceof Outcome.Delivered) {
            succeed();
            inFlight.done(delivery);
            inFlight.release(delivery.key);
        } else if (isTheDestinations(delivery)) {
            inFlight.readyAgain(delivery.again());
        } else {
            failures.park(delivery.event(), delivery.outcome());
            inFlight.done(delivery);
            inFlight.takeWaiting(delivery.key).forEach(this::park);
        }
    }

    private void settleParked(Delivery delivery, ParkedKeys.Entry entry) {
        if (delivery.outcome() instanceof Outcome.Delivered) {
            succeed();
            parked.deliver(entry);
        } else if (isTheDestinations(delivery)) {
            parked.postpone(entry);
        } else {
            failures.fail(entry, delivery.outcome());
        }
    }

    private void succeed() {
        moved |= failures.succeeded();
    }

    private boolean isTheDestinations(Delivery delivery) {
        return failures.isTheDestinations(
                delivery.key, delivery.outcome(), delivery.parked != null, delivery.isProbe());
    }

    /** Behind an event of its key. */
    private void park(Delivery delivery) {
        parked.block(delivery.event());
        inFlight.done(delivery);
    }

    private void admitArrived() {
        for (Page page = arrived.poll(); page != null; page = arrived.poll()) {
            asked = false;
            PageInFlight added = inFlight.add(page);
            for (int i = 0; i < added.size(); i++) {
                admit(delivery(added, i));
            }
        }
    }

    private Delivery delivery(PageInFlight page, int index) {
        return Delivery.of(this, page, index, parked.group(page.event(index)));
    }

    private void admit(Delivery delivery) {
        ParkedEvent stored = parked.expected(delivery.id);
        if (stored != null && parked.isOver(stored)) {
            parked.pass(stored);
            inFlight.done(delivery);
        } else if (parked.holds(delivery.key)) {
            park(delivery);
        } else {
            delivery.stored = stored;
            inFlight.admit(delivery);
        }
    }

    /** The next event that may start. One that was parked before goes on as its row says, and those behind it wait. */
    private @Nullable Delivery takeReady() {
        Delivery next = inFlight.takeReady();
        while (next != null && next.stored != null) {
            parked.resume(next.stored);
            inFlight.done(next);
            inFlight.takeWaiting(next.key).forEach(this::park);
            next = inFlight.takeReady();
        }
        return next;
    }

    private void takeLoaded() {
        for (Runnable rows = loaded.poll(); rows != null; rows = loaded.poll()) {
            rows.run();
        }
    }

    /** When what was parked of a key is stored, no row is missing. */
    private void load() {
        loads.addAll(parked.takeLoads());
        if (loads.isEmpty()) {
            return;
        }
        long stored = sink.requestedFromDownstream() > 0 ? emitted : emitted - 1;
        for (Iterator<ParkedKeys.Load> waiting = loads.iterator(); waiting.hasNext(); ) {
            ParkedKeys.Load load = waiting.next();
            if (load.savedWith() <= stored) {
                waiting.remove();
                load(load);
            }
        }
    }

    private void load(ParkedKeys.Load load) {
        deliverer
                .next(load)
                .subscribe(
                        rows -> {
                            loaded.add(() -> parked.loaded(load, rows));
                            drain();
                        },
                        this::fail);
    }

    private void start() {
        if (circuit.isOpen()) {
            probe();
            return;
        }
        if (bounds.concurrency() == 1) {
            startInTurn();
            return;
        }
        while (retrying < bounds.retries() && running.size() < bounds.concurrency() && startParked()) {}
        while (running.size() < bounds.concurrency() && startNew()) {}
    }

    /** One at a time: a parked one and a new one in turn, so that neither keeps the other waiting for long. */
    private void startInTurn() {
        if (running.isEmpty()) {
            boolean newFirst = newcomersTurn;
            newcomersTurn = !newFirst;
            if (newFirst ? startNew() || startParked() : startParked() || startNew()) {
                return;
            }
            newcomersTurn = newFirst;
        }
    }

    private boolean startParked() {
        ParkedKeys.Entry entry = parked.takeDue();
        if (entry == null) {
            return false;
        }
        start(Delivery.of(this, entry), false);
        return true;
    }

    private boolean startNew() {
        Delivery next = takeReady();
        if (next == null) {
            return false;
        }
        start(next, false);
        return true;
    }

    /** One event at a time, a new one if there is any, and each time another: should one of them be bad, the next is not. */
    private void probe() {
        if (!running.isEmpty() || !circuit.mayProbe(false)) {
            return;
        }
        Delivery next = takeReady();
        if (next != null) {
            start(next, true);
            return;
        }
        ParkedKeys.Entry entry = circuit.mayProbe(true) ? parked.takeAny() : null;
        if (entry != null) {
            start(Delivery.of(this, entry), true);
        }
    }

    private void start(Delivery delivery, boolean probe) {
        running.add(delivery);
        if (delivery.parked != null) {
            retrying++;
        }
        delivery.start(deliverer, Clocks.millis(timer) + bounds.timeout().toMillis(), probe);
    }

    /** For what is due next; it may ring too early. What is due now waits for room, and whatever makes room drains. */
    private void setAlarm() {
        long at = nextAt();
        if (at >= alarmAt && !rang) {
            return;
        }
        rang = false;
        alarmAt = at;
        if (at == Long.MAX_VALUE) {
            alarm.update(Disposables.disposed());
        } else {
            long delay = Math.max(1, at - Clocks.millis(timer));
            alarm.update(timer.schedule(this::ring, delay, TimeUnit.MILLISECONDS));
        }
    }

    private long nextAt() {
        long expiry =
                running.isEmpty() ? Long.MAX_VALUE : running.iterator().next().expiresAt();
        if (circuit.isOpen()) {
            return running.isEmpty() && !circuit.mayProbe(true) ? circuit.probeAt(true) : expiry;
        }
        boolean room = retrying < bounds.retries() && running.size() < bounds.concurrency();
        return room ? Math.min(expiry, parked.nextAt().orElse(Long.MAX_VALUE)) : expiry;
    }

    private void ring() {
        rang = true;
        drain();
    }

    /**
     * What has not been started stays in the log. But events that were overtaken by others of other keys would hold the position
     * before those, which then would come again: so they are parked, due at once.
     */
    private void leaveTheRest() {
        inFlight.forgetReady();
        if (running.isEmpty() && !left) {
            left = true;
            inFlight.forEachOvertaken((page, index) -> leave(delivery(page, index)));
        }
    }

    private void leave(Delivery delivery) {
        if (parked.expected(delivery.id) == null) {
            park(delivery);
        } else {
            inFlight.done(delivery);
        }
    }

    private void publish() {
        moved |= inFlight.advance();
        if (isToBeStored() && sink.requestedFromDownstream() > 0) {
            moved = false;
            emitted++;
            sink.next(new Progress(inFlight.position(), parked.takeChanges(), circuit.error(), isFull()));
        }
    }

    private boolean isToBeStored() {
        return moved || parked.unsaved() > 0;
    }

    private void finishOrAsk() {
        if (complete) {
            if (left && !isToBeStored()) {
                alarm.dispose();
                end.dispose();
                sink.complete();
            }
        } else if (!asked && upstream() != null && hasRoom()) {
            asked = true;
            request(1);
        }
    }

    /** With an open circuit it is enough to have one page, to probe with. */
    private boolean hasRoom() {
        return circuit.isOpen()
                ? inFlight.isEmpty()
                : inFlight.undone() < bounds.room()
                        && inFlight.held() < bounds.window()
                        && parked.unsaved() < bounds.window()
                        && !isFull();
    }

    private boolean isFull() {
        return parked.keys() >= bounds.parked();
    }

    private void abandon() {
        if (abandoned) {
            return;
        }
        abandoned = true;
        cancel();
        alarm.dispose();
        end.dispose();
        running.forEach(Delivery::cancel);
        running.clear();
        inFlight.clear();
        arrived.clear();
        if (failure != null) {
            sink.error(failure);
        }
    }
}
