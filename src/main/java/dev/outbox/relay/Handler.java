package dev.outbox.relay;

import dev.outbox.log.Event;
import java.util.Set;
import reactor.core.publisher.Mono;

/**
 * Consumes events in this process; one bean makes one subscription.
 *
 * <p>At least once: after a crash an event can come again, so an effect outside should be keyed by {@link Event#id()}. Events of one
 * key come one at a time and in order; events of different keys come side by side, at most {@link #concurrency()}. One instance
 * at a time runs the subscription.
 */
public interface Handler {

    /** Of the subscription, durable: another name is another subscription. Lower-case letters, digits and hyphens. */
    String name();

    /** The event types it wants; empty for all. */
    Set<String> types();

    /**
     * Called on a thread of the relay, which it must not block: wrap what blocks in {@code subscribeOn(Schedulers.boundedElastic())}.
     *
     * @return completes empty when the event is dealt with; an error is retried, and holds back the events of its key meanwhile
     */
    Mono<Void> handle(Event event);

    /** How many events may be in hand at once, each of another key. */
    default int concurrency() {
        return 16;
    }
}
