package dev.outbox.relay;

import dev.outbox.log.Page;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.Position;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Scheduler;

/** One run of a {@link KeyedDispatcher}. All state below the queues is touched by {@link #drain} only, which one thread runs at a time. */
final class Dispatch extends BaseSubscriber<Page> {

    private static final Logger LOG = LoggerFactory.getLogger(Dispatch.class);

    private final Deliverer deliverer;
    private final KeyedDispatcher.Bounds bounds;
    private final Scheduler timer;
    private final FluxSink<Progress> sink;
    private final Queue<Page> arrived = new ConcurrentLinkedQueue<>();
    private final Queue<Delivery> ended = new ConcurrentLinkedQueue<>();
    private final AtomicInteger wakeUps = new AtomicInteger();
    private final Disposable.Swap alarm = Disposables.swap();
    private volatile boolean complete;
    private volatile boolean stopped;
    private volatile boolean rang;
    private volatile @Nullable Throwable failure;

    private final ParkedKeys parked;
    private final Circuit circuit;
    private final ArrayDeque<Batch> batches = new ArrayDeque<>();
    private final Map<String, @Nullable ArrayDeque<Delivery>> keys = new HashMap<>();
    private final ArrayDeque<Delivery> ready = new ArrayDeque<>();
    private final Set<Delivery> running = new LinkedHashSet<>();
    private int retrying;
    private int inHand;
    private int held;
    private boolean asked;
    private boolean left;
    private Position position;
    private @Nullable Progress pending;
    private long alarmAt = Long.MAX_VALUE;
    private boolean abandoned;

    Dispatch(
            Deliverer deliverer,
            KeyedDispatcher.Bounds bounds,
            Scheduler timer,
            Position from,
            ParkedKeys parked,
            Circuit circuit,
            FluxSink<Progress> sink) {
        this.deliverer = deliverer;
        this.bounds = bounds;
        this.timer = timer;
        this.position = from;
        this.parked = parked;
        this.circuit = circuit;
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
            turn();
            seen = wakeUps.addAndGet(-seen);
        } while (seen != 0);
    }

    private void turn() {
        if (stopped || failure != null) {
            abandon();
            return;
        }
        expire();
        settleEnded();
        admitArrived();
        if (complete) {
            leaveTheRest();
        } else {
            start();
        }
        setAlarm();
        publish();
        finishOrAsk();
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
            done(delivery);
            release(delivery.key);
        } else if (isTheDestinations(delivery)) {
            ready.add(delivery.again());
        } else {
            ParkedKeys.Entry entry = parked.park(delivery.id, delivery.key, replayed(delivery), delivery.outcome());
            report(delivery, entry);
            done(delivery);
            parkWaiting(delivery.key);
        }
    }

    private void settleParked(Delivery delivery, ParkedKeys.Entry entry) {
        if (delivery.outcome() instanceof Outcome.Delivered) {
            succeed();
            parked.deliver(entry);
        } else if (isTheDestinations(delivery)) {
            parked.postpone(entry);
        } else {
            parked.fail(entry, delivery.outcome());
            report(delivery, entry);
        }
    }

    private void succeed() {
        if (circuit.succeeded()) {
            LOG.warn("circuit.closed subscription={}", deliverer.subscription());
            changed();
        }
    }

    /** While the circuit is open a failure is not the event's: it keeps its place and its attempts. */
    private boolean isTheDestinations(Delivery delivery) {
        if (!(delivery.outcome() instanceof Outcome.Retry retry)) {
            return false;
        }
        if (circuit.isOpen()) {
            if (delivery.isProbe()) {
                circuit.probeFailed();
            }
            return true;
        }
        if (circuit.failed(delivery.key, retry.cause())) {
            LOG.warn("circuit.opened subscription={} error=\"{}\"", deliverer.subscription(), circuit.error());
            changed();
        }
        return false;
    }

    private void done(Delivery delivery) {
        inHand--;
        batch(delivery).done(delivery.index);
    }

    private void release(String key) {
        ArrayDeque<Delivery> waiting = keys.get(key);
        Delivery next = waiting == null ? null : waiting.poll();
        if (next == null) {
            keys.remove(key);
        } else {
            ready.add(next);
        }
    }

    /** Those in hand that come behind an event that was parked. */
    private void parkWaiting(String key) {
        ArrayDeque<Delivery> waiting = keys.remove(key);
        if (waiting != null) {
            waiting.forEach(this::park);
        }
    }

    private void park(Delivery delivery) {
        parked.block(delivery.id, delivery.key, replayed(delivery));
        done(delivery);
    }

    private void admitArrived() {
        for (Page page = arrived.poll(); page != null; page = arrived.poll()) {
            asked = false;
            Batch batch = new Batch(page);
            batches.add(batch);
            inHand += batch.size();
            held += batch.size();
            for (int i = 0; i < batch.size(); i++) {
                admit(Delivery.of(this, batch, i, deliverer.key(batch.event(i))));
            }
        }
    }

    /** The first of a key is ready; the others wait in the key's queue, which is made when there is a second. */
    private void admit(Delivery delivery) {
        if (parked.contains(delivery.id)) {
            done(delivery);
        } else if (parked.holds(delivery.key)) {
            park(delivery);
        } else if (!keys.containsKey(delivery.key)) {
            keys.put(delivery.key, null);
            ready.add(delivery);
        } else {
            queue(delivery.key).add(delivery);
        }
    }

    private ArrayDeque<Delivery> queue(String key) {
        ArrayDeque<Delivery> queue = keys.get(key);
        if (queue == null) {
            queue = new ArrayDeque<>(2);
            keys.put(key, queue);
        }
        return queue;
    }

    private void start() {
        if (circuit.isOpen()) {
            probe();
            return;
        }
        while (retrying < bounds.retries() && running.size() < bounds.concurrency()) {
            ParkedKeys.Entry entry = parked.takeDue();
            if (entry == null) {
                break;
            }
            start(Delivery.of(this, entry), false);
        }
        while (running.size() < bounds.concurrency() && !ready.isEmpty()) {
            start(ready.remove(), false);
        }
    }

    /** One event at a time, a new one if there is any, and each time another: should one of them be bad, the next is not. */
    private void probe() {
        if (!running.isEmpty() || !circuit.mayProbe()) {
            return;
        }
        if (!ready.isEmpty()) {
            start(ready.remove(), true);
            return;
        }
        ParkedKeys.Entry entry = parked.takeAny();
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
            return running.isEmpty() && !circuit.mayProbe() ? circuit.probeAt() : expiry;
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
        ready.clear();
        if (!running.isEmpty() || left) {
            return;
        }
        left = true;
        Batch last = null;
        for (Batch batch : batches) {
            last = batch.lastDone() >= 0 ? batch : last;
        }
        for (Batch batch : batches) {
            if (last == null) {
                return;
            }
            parkOvertaken(batch, batch == last ? batch.lastDone() : batch.size());
            last = batch == last ? null : last;
        }
    }

    private void parkOvertaken(Batch batch, int before) {
        for (int i = 0; i < before; i++) {
            if (!batch.isDone(i)) {
                park(Delivery.of(this, batch, i, deliverer.key(batch.event(i))));
            }
        }
    }

    private void publish() {
        for (Batch head = batches.peek(); head != null; head = batches.peek()) {
            if (head.advance() || head.isDone()) {
                position = head.position();
                changed();
            }
            if (!head.isDone()) {
                break;
            }
            batches.remove();
            held -= head.size();
        }
        Map<Long, @Nullable ParkedEvent> changes = parked.takeChanges();
        if (pending != null || !changes.isEmpty()) {
            Progress progress = new Progress(position, changes, circuit.error());
            pending = pending == null ? progress : pending.then(progress);
        }
        if (pending != null && sink.requestedFromDownstream() > 0) {
            sink.next(pending);
            pending = null;
        }
    }

    private void changed() {
        if (pending == null) {
            pending = new Progress(position, Map.of(), circuit.error());
        }
    }

    private void finishOrAsk() {
        if (complete) {
            if (left && pending == null) {
                alarm.dispose();
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
                ? batches.isEmpty()
                : inHand < bounds.room() && held < bounds.window() && parked.size() < bounds.parked();
    }

    private void abandon() {
        if (abandoned) {
            return;
        }
        abandoned = true;
        cancel();
        alarm.dispose();
        running.forEach(Delivery::cancel);
        running.clear();
        ready.clear();
        keys.clear();
        batches.clear();
        arrived.clear();
        if (failure != null) {
            sink.error(failure);
        }
    }

    private void report(Delivery delivery, ParkedKeys.Entry entry) {
        LOG.warn(
                "delivery.failed event={} key={} subscription={} attempt={} then=\"{}\" error=\"{}\"",
                delivery.id,
                delivery.key,
                deliverer.subscription(),
                entry.attempts(),
                parked.next(entry),
                Outcome.describe(Outcome.cause(delivery.outcome())));
    }

    private static Batch batch(Delivery delivery) {
        if (delivery.batch == null) {
            throw new IllegalStateException("Event " + delivery.id + " is parked, and in no page");
        }
        return delivery.batch;
    }

    private static boolean replayed(Delivery delivery) {
        return batch(delivery).event(delivery.index).replayed();
    }
}
