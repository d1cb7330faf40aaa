package dev.outbox.handler;

import java.time.Duration;
import java.util.Set;
import reactor.core.publisher.Mono;

/**
 * Consumes events in this process; one bean makes one subscription, or one for each of its {@link #shards()}.
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
     * @return completes empty when the event is dealt with. An error is retried by {@link #retryPolicy()}, and holds back the events
     *     of its key meanwhile; {@link RetryLaterException} says when, {@link UndeliverableException} that it is of no use.
     */
    Mono<Void> handle(Event event);

    /** How many events may be in flight at once, each of another key. */
    default int concurrency() {
        return 16;
    }

    /** How long an attempt may take; then it is cancelled, and has failed. */
    default Duration timeout() {
        return Duration.ofSeconds(30);
    }

    /** Whether events of one key come one at a time and in order. Without order all events come side by side, and none waits for another. */
    default boolean ordered() {
        return true;
    }

    /** How often and when an event is tried again that failed. */
    default RetryPolicy retryPolicy() {
        return RetryPolicy.DEFAULT;
    }

    /**
     * Into how many subscriptions it is split, by key, each run by one instance: for a handler that needs more than one. Each reads
     * the whole log, so no more than needed, at most 64. Another number takes over what these have done, and the events that only some of them had done come again.
     * {@link #concurrency()} counts for each.
     */
    default int shards() {
        return 1;
    }
}
