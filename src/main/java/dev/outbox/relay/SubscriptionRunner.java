package dev.outbox.relay;

import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.StaleLeaderException;
import java.time.Duration;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.util.retry.Retry;

/** Runs one subscription while this instance leads: claim → wake → page → dispatch → settle. */
final class SubscriptionRunner {

    private static final Logger LOG = LoggerFactory.getLogger(SubscriptionRunner.class);

    /** The most events of a page. */
    private static final int PAGE = 1_000;

    private static final Duration RESTART_FIRST = Duration.ofMillis(100);
    private static final Duration RESTART_CAP = Duration.ofSeconds(1);

    private final Subscription subscription;
    private final EventLog log;
    private final Checkpoints checkpoints;
    private final String instance;
    private final Scheduler scheduler;
    private final Duration safetyPoll;

    SubscriptionRunner(
            Subscription subscription,
            EventLog log,
            Checkpoints checkpoints,
            String instance,
            Scheduler scheduler,
            Duration safetyPoll) {
        this.subscription = subscription;
        this.log = log;
        this.checkpoints = checkpoints;
        this.instance = instance;
        this.scheduler = scheduler;
        this.safetyPoll = safetyPoll;
    }

    /**
     * Runs the subscription until it is told to stop. A failure of the database makes it begin again, from the checkpoint as it is
     * stored and never from one that is remembered: a failover may have lost the last of it.
     *
     * @param listener the session that leads
     * @param stop when it ends, no further page is read
     * @return completes when stopped and all events in hand are done; fails with {@link StaleLeaderException} if another instance
     *     has gone on
     */
    Mono<Void> run(Listener listener, Publisher<?> stop) {
        return Mono.defer(() -> claim().flatMap(checkpoint -> deliver(checkpoint, listener, stop)))
                .retryWhen(Retry.backoff(Long.MAX_VALUE, RESTART_FIRST)
                        .maxBackoff(RESTART_CAP)
                        .filter(error -> !(error instanceof StaleLeaderException))
                        .doBeforeRetry(signal -> LOG.warn(
                                "subscription.restarts subscription={} error=\"{}\"",
                                subscription.name(),
                                signal.failure().toString())));
    }

    /**
     * Stores the stored position again, as the next generation: whoever led before runs into the fence from now on, so what it has
     * stored is all there is. A new subscription begins at the beginning of the log.
     */
    private Mono<Checkpoint> claim() {
        return checkpoints
                .register(subscription.name(), subscription.kind(), subscription.types())
                .then(checkpoints.latest(subscription.name()))
                .map(latest -> latest.next(latest.position()))
                .defaultIfEmpty(new Checkpoint(subscription.name(), 0, log.beginning()))
                .flatMap(claim -> checkpoints.append(claim, instance).thenReturn(claim));
    }

    private Mono<Void> deliver(Checkpoint from, Listener listener, Publisher<?> stop) {
        Tail tail = new Tail(log, new Doorbell(listener), from.position(), subscription.types(), PAGE, safetyPoll);
        Flux<Page> pages = tail.pages().takeUntilOther(stop).publishOn(scheduler, 1);
        return subscription.deliver(pages, from);
    }
}
