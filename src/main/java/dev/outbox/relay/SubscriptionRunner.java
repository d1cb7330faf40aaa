package dev.outbox.relay;

import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.Control;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.StaleLeaderException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.util.retry.Retry;

/**
 * Runs one subscription while this instance leads, turn by turn: claim → apply what operators asked for → wake → page → dispatch →
 * settle. A turn ends when it is told to stop, when an operator calls, or when a replay is over.
 */
final class SubscriptionRunner {

    private static final Logger LOG = LoggerFactory.getLogger(SubscriptionRunner.class);

    /** The most events of a page. */
    private static final int PAGE = 1_000;

    private static final Duration RESTART_FIRST = Duration.ofMillis(100);
    private static final Duration RESTART_CAP = Duration.ofSeconds(1);

    /** How often to look whether an operator calls, should nobody ring. */
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    private final Subscription subscription;
    private final EventLog log;
    private final Checkpoints checkpoints;
    private final ActionApplier actions;
    private final String instance;
    private final Scheduler scheduler;
    private final RelaySettings settings;

    SubscriptionRunner(
            Subscription subscription,
            EventLog log,
            Checkpoints checkpoints,
            ActionApplier actions,
            String instance,
            Scheduler scheduler,
            RelaySettings settings) {
        this.subscription = subscription;
        this.log = log;
        this.checkpoints = checkpoints;
        this.actions = actions;
        this.instance = instance;
        this.scheduler = scheduler;
        this.settings = settings;
    }

    /**
     * Runs the subscription until it is told to stop. A failure of the database makes it begin again, from the checkpoint as it is
     * stored and never from one that is remembered: a failover may have lost the last of it.
     *
     * @param bell makes what wakes a reader, one for each beginning
     * @param stop when it ends, no further page is read
     * @return completes when stopped and all events in hand are done; fails with {@link StaleLeaderException} if another instance
     *     has gone on
     */
    Mono<Void> run(Supplier<Doorbell> bell, Publisher<?> stop) {
        AtomicBoolean stopped = new AtomicBoolean();
        Mono<Void> stopping = Flux.from(stop).then().doOnTerminate(() -> stopped.set(true));
        return Mono.defer(() -> turn(bell, stopping))
                .repeat(() -> !stopped.get())
                .then()
                .retryWhen(Retry.backoff(Long.MAX_VALUE, RESTART_FIRST)
                        .maxBackoff(RESTART_CAP)
                        .filter(error -> !(error instanceof StaleLeaderException))
                        .doBeforeRetry(signal -> LOG.warn(
                                "subscription.restarts subscription={} error=\"{}\"",
                                subscription.name(),
                                signal.failure().toString())));
    }

    private Mono<Void> turn(Supplier<Doorbell> bell, Mono<Void> stopping) {
        return claim().flatMap(claimed -> actions.applyWaiting(subscription, claimed, instance))
                .flatMap(latest -> actions.control(subscription)
                        .flatMap(control -> control.paused()
                                ? Mono.firstWithSignal(called(bell.get(), true), stopping)
                                : deliver(latest, control, bell, stopping)));
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

    private Mono<Void> deliver(Checkpoint latest, Control control, Supplier<Doorbell> bell, Mono<Void> stopping) {
        return actions.endReplay(control, latest, instance)
                .flatMap(from -> from.equals(latest)
                        ? deliver(from, Replay.of(control), bell, stopping)
                        : deliver(from, Replay.NONE, bell, stopping));
    }

    /**
     * When an operator calls no further page is read, and what is in hand may end. What does not end in time is cut off, and comes
     * again: else a handler that hangs could not be paused.
     */
    private Mono<Void> deliver(Checkpoint from, Replay replay, Supplier<Doorbell> bell, Mono<Void> stopping) {
        Tail tail = new Tail(log, bell.get(), from.position(), subscription.types(), PAGE, settings.safetyPoll());
        Sinks.Empty<Void> over = Sinks.empty();
        Flux<Page> pages = replay.pace(tail.pages())
                .takeUntilOther(stopping)
                .takeUntilOther(over.asMono())
                .publishOn(scheduler, 1);
        Mono<Void> cutOff = called(bell.get(), false)
                .doOnSuccess(called -> over.tryEmitEmpty())
                .then(Mono.delay(settings.stopWithin()))
                .doOnSuccess(late -> LOG.warn(
                        "subscription.cut-off subscription={} after_ms={}",
                        subscription.name(),
                        settings.stopWithin().toMillis()))
                .then();
        return Mono.firstWithSignal(subscription.deliver(pages, from), cutOff);
    }

    /** Completes when an operator calls. It looks each time the bell rings, since a call rings it. */
    private Mono<Void> called(Doorbell bell, boolean paused) {
        return Mono.defer(() -> {
                    long mark = bell.mark();
                    return actions.isCalled(subscription, paused)
                            .flatMap(called -> called ? Mono.just(true) : rest(bell, mark));
                })
                .repeat()
                .next()
                .then();
    }

    private static Mono<Boolean> rest(Doorbell bell, long mark) {
        return Mono.firstWithSignal(
                        bell.ringsAfter(mark), Mono.delay(LOOK_EVERY).then())
                .then(Mono.empty());
    }
}
