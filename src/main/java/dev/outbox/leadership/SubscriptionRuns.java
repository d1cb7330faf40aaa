package dev.outbox.leadership;

import reactor.core.publisher.Mono;

/** What leadership is about: subscriptions that can be run. */
@FunctionalInterface
public interface SubscriptionRuns {

    /**
     * Runs a subscription until it is told to stop.
     *
     * @param name of the subscription
     * @param stop when it ends, no further page is read
     * @return completes when stopped and all events in flight are done; fails with {@link dev.outbox.log.StaleLeaderException} if another
     *     instance has gone on
     */
    Mono<Void> run(String name, Mono<Void> stop);
}
