package dev.outbox.relay;

import dev.outbox.log.Event;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;

/**
 * Hands events to a handler: per key at most one at a time and in order, keys side by side up to a concurrency. Pages are asked for
 * only while there is room, so the events in hand are bounded.
 *
 * <p>Emits the position of the completed prefix each time it has moved, the latest only if the subscriber is slow: a slow event
 * never lets the position pass it.
 */
final class KeyedDispatcher {

    private final Function<Event, ? extends Publisher<Void>> delivery;
    private final int concurrency;
    private final int room;
    private final int window;

    /**
     * @param delivery brings one event to its end; an error ends the dispatch
     * @param concurrency how many deliveries may be in flight, each of another key
     * @param room a further page is asked for while fewer events than this are in hand
     * @param window … and while fewer than this, done or not, are behind the completed prefix: what an event that takes long can hold
     */
    KeyedDispatcher(Function<Event, ? extends Publisher<Void>> delivery, int concurrency, int room, int window) {
        this.delivery = delivery;
        this.concurrency = concurrency;
        this.room = room;
        this.window = window;
    }

    /** Dispatches the pages; completes when they have and all their events are done. Cancelling cancels what is in flight. */
    Flux<Position> dispatch(Flux<Page> pages) {
        return Flux.create(
                positions -> {
                    Run run = new Run(positions);
                    positions.onDispose(run::stop);
                    pages.subscribe(run);
                },
                FluxSink.OverflowStrategy.LATEST);
    }

    /** A page in hand, and how much of it is done. */
    private static final class Batch {

        final Page page;
        final boolean[] done;
        int prefix;

        Batch(Page page) {
            this.page = page;
            this.done = new boolean[page.events().size()];
        }

        boolean advance() {
            int from = prefix;
            while (prefix < done.length && done[prefix]) {
                prefix++;
            }
            return prefix > from;
        }

        boolean isDone() {
            return prefix == done.length;
        }
    }

    /** One dispatch. All state below the queues is touched by {@link #drain} only, which one thread runs at a time. */
    private final class Run extends BaseSubscriber<Page> {

        private final FluxSink<Position> positions;
        private final Queue<Page> arrived = new ConcurrentLinkedQueue<>();
        private final Queue<Delivery> ended = new ConcurrentLinkedQueue<>();
        private final AtomicInteger wakeUps = new AtomicInteger();
        private volatile boolean complete;
        private volatile boolean stopped;
        private volatile @Nullable Throwable failure;

        private final ArrayDeque<Batch> batches = new ArrayDeque<>();
        private final Map<String, ArrayDeque<Delivery>> keys = new HashMap<>();
        private final ArrayDeque<Delivery> ready = new ArrayDeque<>();
        private final Set<Delivery> running = new HashSet<>();
        private int inHand;
        private int held;
        private boolean asked;

        Run(FluxSink<Position> positions) {
            this.positions = positions;
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

        private void drain() {
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
            settleEnded();
            admitArrived();
            startReady();
            publish();
            finishOrAsk();
        }

        private void settleEnded() {
            for (Delivery delivery = ended.poll(); delivery != null; delivery = ended.poll()) {
                running.remove(delivery);
                inHand--;
                delivery.batch.done[delivery.index] = true;
                release(delivery.event().key());
            }
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

        private void admitArrived() {
            for (Page page = arrived.poll(); page != null; page = arrived.poll()) {
                asked = false;
                Batch batch = new Batch(page);
                batches.add(batch);
                inHand += batch.done.length;
                held += batch.done.length;
                for (int i = 0; i < batch.done.length; i++) {
                    admit(new Delivery(this, batch, i));
                }
            }
        }

        /** The first of a key is ready; the others wait in the key's queue, which is made when there is a second. */
        private void admit(Delivery delivery) {
            String key = delivery.event().key();
            if (!keys.containsKey(key)) {
                keys.put(key, null);
                ready.add(delivery);
            } else {
                keys.computeIfAbsent(key, first -> new ArrayDeque<>(2)).add(delivery);
            }
        }

        private void startReady() {
            while (running.size() < concurrency && !ready.isEmpty()) {
                Delivery delivery = ready.remove();
                running.add(delivery);
                delivery.start(KeyedDispatcher.this.delivery);
            }
        }

        private void publish() {
            Position moved = null;
            for (Batch head = batches.peek(); head != null; head = batches.peek()) {
                if (head.advance() || head.isDone()) {
                    moved = head.isDone() ? head.page.after() : head.page.after(head.prefix);
                }
                if (!head.isDone()) {
                    break;
                }
                batches.remove();
                held -= head.done.length;
            }
            if (moved != null) {
                positions.next(moved);
            }
        }

        private void finishOrAsk() {
            if (complete && batches.isEmpty() && arrived.isEmpty()) {
                positions.complete();
            } else if (!complete && !asked && inHand < room && held < window) {
                asked = true;
                request(1);
            }
        }

        private void abandon() {
            cancel();
            running.forEach(Delivery::cancel);
            running.clear();
            ready.clear();
            keys.clear();
            batches.clear();
            arrived.clear();
            if (failure != null) {
                positions.error(failure);
            }
        }
    }

    /** One event on its way. */
    private static final class Delivery extends BaseSubscriber<Void> {

        private final Run run;
        private final Batch batch;
        private final int index;

        Delivery(Run run, Batch batch, int index) {
            this.run = run;
            this.batch = batch;
            this.index = index;
        }

        Event event() {
            return batch.page.events().get(index);
        }

        void start(Function<Event, ? extends Publisher<Void>> delivery) {
            try {
                delivery.apply(event()).subscribe(this);
            } catch (RuntimeException e) {
                run.fail(e);
            }
        }

        @Override
        protected void hookOnComplete() {
            run.end(this);
        }

        @Override
        protected void hookOnError(Throwable error) {
            run.fail(error);
        }
    }
}
