package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.ParkedEvent;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;

/** One event on its way to the handler: from a page, or parked before. */
final class Delivery extends BaseSubscriber<Outcome> {

    final long id;
    final Aggregate key;
    final @Nullable PageInFlight page;
    final int index;

    /** In the order in which events came; meant if it is of a page. */
    final long place;

    final ParkedKeys.@Nullable Entry parked;
    private final Dispatch dispatch;
    private boolean probe;
    private long expiresAt;
    private volatile @Nullable Outcome outcome;
    private volatile boolean expired;

    /** What is stored of an event of a page that is parked already; null if it is not. */
    @Nullable
    ParkedEvent stored;

    private Delivery(
            Dispatch dispatch,
            long id,
            Aggregate key,
            @Nullable PageInFlight page,
            int index,
            ParkedKeys.@Nullable Entry parked) {
        this.dispatch = dispatch;
        this.id = id;
        this.key = key;
        this.page = page;
        this.index = index;
        this.place = page == null ? 0 : page.place(index);
        this.parked = parked;
    }

    static Delivery of(Dispatch dispatch, PageInFlight page, int index, Aggregate key) {
        return new Delivery(dispatch, page.event(index).id(), key, page, index, null);
    }

    static Delivery of(Dispatch dispatch, ParkedKeys.Entry parked) {
        return new Delivery(dispatch, parked.id, parked.group, null, 0, parked);
    }

    /** The same event once more; a delivery can be started once. */
    Delivery again() {
        return new Delivery(dispatch, id, key, page, index, parked);
    }

    /** Whether it goes to find out if the destination is back. */
    boolean isProbe() {
        return probe;
    }

    /** When it will have taken too long, in ms. */
    long expiresAt() {
        return expiresAt;
    }

    /** How it ended; what ended in time did so although its end was noticed late. */
    Outcome outcome() {
        Outcome given = outcome;
        if (given == null && expired) {
            return new Outcome.Retry(new TimeoutException("the handler did not end in time"), null);
        }
        return given == null ? new Outcome.Dead(new UndeliverableException("The event is not in the log")) : given;
    }

    void start(Deliverer deliverer, long expiresAt, boolean probe) {
        this.expiresAt = expiresAt;
        this.probe = probe;
        Mono<Event> event = parked == null ? Mono.just(event()) : load(deliverer, parked);
        event.flatMap(deliverer::attempt).subscribe(this);
    }

    /** The event of a page. */
    Event event() {
        return InFlight.page(this).event(index);
    }

    private static Mono<Event> load(Deliverer deliverer, ParkedKeys.Entry parked) {
        Mono<Event> event = parked.event == null ? deliverer.load(parked.id) : Mono.just(parked.event);
        return parked.replayed ? event.map(Event::asReplayed) : event;
    }

    /** Ends it. */
    void expire() {
        expired = true;
        cancel();
        dispatch.end(this);
    }

    @Override
    protected void hookOnNext(Outcome value) {
        outcome = value;
    }

    @Override
    protected void hookOnComplete() {
        dispatch.end(this);
    }

    @Override
    protected void hookOnError(Throwable error) {
        dispatch.fail(error);
    }
}
