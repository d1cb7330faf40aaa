package dev.outbox.dispatch;

import dev.outbox.log.Page;
import dev.outbox.log.Position;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Hands events to a handler: per key at most one at a time and in order, keys side by side up to a concurrency. A key whose event
 * fails is parked, the others go on. Pages are asked for only while there is room, so the events in flight are bounded.
 */
final class KeyedDispatcher {

    /**
     * The bounds of what is in flight. Events that are large count for several: {@link dev.outbox.handler.Event#weight}.
     *
     * @param concurrency how many deliveries may be in flight, each of another key
     * @param room a further page is asked for while fewer events than this are in flight
     * @param window … and while fewer than this, done or not, are behind the completed prefix: what an event that takes long can hold
     * @param parked … and while fewer keys than this are parked
     * @param timeout how long an attempt may take
     */
    record Bounds(int concurrency, int room, int window, int parked, Duration timeout) {

        /** Parked events that are tried again leave most of the concurrency to those that are new. */
        int retries() {
            return Math.max(1, concurrency / 4);
        }
    }

    private final Deliverer deliverer;
    private final Bounds bounds;
    private final Scheduler timer;

    /** @param timer wakes the dispatch up when a parked event is due */
    KeyedDispatcher(Deliverer deliverer, Bounds bounds, Scheduler timer) {
        this.deliverer = deliverer;
        this.bounds = bounds;
        this.timer = timer;
    }

    /**
     * Dispatches the pages. When they complete or it is told to end, what has not been started is left: what is in flight ends, and
     * events that others have overtaken are parked, so that none of those comes again.
     *
     * @param from the position before the first page
     * @param ending when it completes nothing more is started, at once, whatever pages are under way
     * @return how far it has come, each time it has moved: the position of the completed prefix, which never passes an event that is
     *     neither delivered nor parked. A subscriber that is slow gets several in one. Cancelling cancels what is in flight.
     */
    Flux<Progress> dispatch(Flux<Page> pages, Position from, Failures failures, Mono<Void> ending) {
        return Flux.create(
                progress -> {
                    Dispatch dispatch = new Dispatch(deliverer, bounds, timer, from, failures, progress);
                    progress.onDispose(dispatch::stop);
                    progress.onRequest(demand -> dispatch.drain());
                    pages.subscribe(dispatch);
                    dispatch.endWith(ending);
                },
                FluxSink.OverflowStrategy.ERROR);
    }
}
