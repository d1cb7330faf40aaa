package dev.outbox.handler;

import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Set;
import reactor.core.publisher.Mono;

/**
 * Consumes events in the transaction that moves its checkpoint: what it writes on that connection happens exactly once. One bean
 * makes one subscription, or one for each of its {@link #shards()}; one instance at a time runs each.
 */
public interface TransactionalHandler {

    /** Of the subscription, durable: another name is another subscription. Lower-case letters, digits and hyphens. */
    String name();

    /** The event types it wants; empty for all. */
    Set<String> types();

    /**
     * Called for one page at a time, in order, on a thread of the relay, which it must not block; and beside that, in a transaction of
     * its own, for events that failed before or wait behind such: never for events of one key at once. The server ends the transaction
     * if nothing is asked of it for five seconds, and the relay ends it after 30 s: what takes longer belongs into a {@link Handler}.
     *
     * @param events at least one, in order of id
     * @param connection in a transaction, which the relay commits or rolls back
     * @return completes empty when all are dealt with. An error, or the loss of the connection, rolls back what was written, and the
     *     events come again in smaller batches, until the one is alone that fails: that one is retried by {@link #retryPolicy()}, and
     *     holds back the events of its key meanwhile.
     */
    Mono<Void> handle(List<Event> events, PostgresqlConnection connection);

    /** How often and when an event is tried again that failed. */
    default RetryPolicy retryPolicy() {
        return RetryPolicy.DEFAULT;
    }

    /**
     * Into how many subscriptions it is split, by key, each run by one instance: for a handler that needs more than one. Each reads
     * the whole log, so no more than needed, at most 64. From one to more is always possible; back, only when all have done the same.
     */
    default int shards() {
        return 1;
    }
}
