package dev.outbox.relay;

import dev.outbox.dispatch.Outcome;
import dev.outbox.dispatch.Subscription;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Claims;
import dev.outbox.log.DesiredState;
import dev.outbox.log.OtherShardsException;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.RunStates;
import dev.outbox.log.StaleLeaderException;
import dev.outbox.logging.LogValue;
import dev.outbox.tail.Tail;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.util.retry.Retry;

/**
 * Runs one subscription while this instance leads, turn by turn: claim → apply what an operator asked for → page → dispatch →
 * settle. A turn ends when it is told to stop or when an operator wants something.
 */
final class SubscriptionRunner {

    private static final Logger LOG = LoggerFactory.getLogger(SubscriptionRunner.class);

    private static final Duration RESTART_FIRST = Duration.ofMillis(100);
    private static final Duration RESTART_CAP = Duration.ofSeconds(1);

    /** How often to look whether its handler's other shards have ended. */
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    /** When no page comes for so long, there is none. */
    private static final Duration NO_PAGE_WITHIN = Duration.ofMillis(500);

    /** So long an operator waits for a page that is slow, or that an open circuit holds up. */
    private static final Duration PAGE_WITHIN = Duration.ofSeconds(1);

    private final Subscription subscription;
    private final Tail tail;
    private final ControlSignals signals;
    private final Claims claims;
    private final ActionApplier actions;
    private final RunStates states;
    private final String instance;
    private final Scheduler scheduler;
    private final RelaySettings settings;
    private volatile @Nullable String lastLogged;

    /** An action was the last thing: a page comes before the next one, or who asks again and again would stop delivery. */
    private volatile boolean pageIsDue;

    /**
     * @param tail of this session
     * @param signals of this session
     */
    SubscriptionRunner(
            Subscription subscription,
            Tail tail,
            ControlSignals signals,
            Claims claims,
            ActionApplier actions,
            RunStates states,
            String instance,
            Scheduler scheduler,
            RelaySettings settings) {
        this.subscription = subscription;
        this.tail = tail;
        this.signals = signals;
        this.claims = claims;
        this.actions = actions;
        this.states = states;
        this.instance = instance;
        this.scheduler = scheduler;
        this.settings = settings;
    }

    /**
     * Runs the subscription until it is told to stop. A failure, of the database mostly, makes it begin again, from the checkpoint as
     * it is stored and never from one that is remembered: a failover may have lost the last of it. The failure is logged, and kept
     * for whoever asks how the subscription is.
     *
     * @param stop when it ends, no further page is read
     * @return completes when stopped and all events in flight are done; fails with {@link StaleLeaderException} if another instance
     *     has gone on
     */
    Mono<Void> run(Publisher<?> stop) {
        AtomicBoolean stopped = new AtomicBoolean();
        Mono<Void> stopping = Flux.from(stop).then().doOnTerminate(() -> stopped.set(true));
        return Mono.defer(() -> turn(stopping))
                .repeat(() -> !stopped.get())
                .then()
                .retryWhen(Retry.backoff(Long.MAX_VALUE, RESTART_FIRST)
                        .maxBackoff(RESTART_CAP)
                        .filter(error -> !(error instanceof StaleLeaderException))
                        .doBeforeRetryAsync(signal -> tell(Outcome.describe(signal.failure()))));
    }

    private Mono<Void> tell(String error) {
        LOG.warn("subscription.restarts subscription={} error=\"{}\"", subscription.name(), LogValue.quoted(error));
        return states.failed(subscription.name(), error).onErrorComplete();
    }

    private Mono<Void> turn(Mono<Void> stopping) {
        return claim().flatMap(claimed -> pageIsDue ? Mono.just(claimed) : apply(claimed))
                .flatMap(latest -> actions.desired(subscription)
                        .flatMap(desired ->
                                desired.paused() ? awaitSignal(stopping) : deliver(latest, desired, stopping)))
                .onErrorResume(OtherShardsException.class, others -> standBack(others, stopping));
    }

    /** Applies the action that waits longest, if one does. @return the latest checkpoint then */
    private Mono<Checkpoint> apply(Checkpoint claimed) {
        return actions.applyNext(subscription, claimed, instance)
                .doOnSuccess(applied -> pageIsDue = applied != null)
                .doOnError(failed -> pageIsDue = true)
                .defaultIfEmpty(claimed);
    }

    private Mono<Void> awaitSignal(Mono<Void> stopping) {
        pageIsDue = false;
        return Mono.firstWithSignal(signals.of(subscription.name(), true), stopping);
    }

    /** From now on whoever led before runs into the fence. */
    private Mono<Checkpoint> claim() {
        return claims.claim(subscription.handler(), subscription.kind(), subscription.wanted(), instance);
    }

    /** The handler is run in other shards: says so once, and looks again after a while. */
    private Mono<Void> standBack(OtherShardsException others, Mono<Void> stopping) {
        if (!Objects.equals(others.getMessage(), lastLogged)) {
            lastLogged = others.getMessage();
            LOG.warn("subscription.waits subscription={} {}", subscription.name(), lastLogged);
        }
        return Mono.firstWithSignal(Mono.delay(LOOK_EVERY).then(), stopping);
    }

    /**
     * When an operator wants something or the subscription is to be given up, nothing more is begun, and what is in flight may end. What does not end
     * in time after a control signal is cut off, and comes again: else a handler that hangs could not be paused.
     */
    private Mono<Void> deliver(Checkpoint from, DesiredState desired, Mono<Void> stopping) {
        Sinks.Empty<Void> over = Sinks.empty();
        FirstPage first = new FirstPage();
        Flux<Page> pages = Replay.of(desired)
                .pace(tail.pages(from.position(), subscription.wanted()))
                .publishOn(scheduler, 1)
                .doOnNext(first::came);
        Mono<Void> cutOff = (pageIsDue ? first.done() : Mono.<Void>empty())
                .doOnSuccess(done -> pageIsDue = false)
                .then(signals.of(subscription.name(), false))
                .doOnSuccess(signalled -> over.tryEmitEmpty())
                .then(Mono.delay(settings.stopWithin()))
                .doOnSuccess(late -> LOG.warn(
                        "subscription.cut-off subscription={} after_ms={}",
                        subscription.name(),
                        settings.stopWithin().toMillis()))
                .then();
        Mono<Void> ending = Mono.firstWithSignal(stopping, over.asMono());
        return Mono.firstWithSignal(
                subscription
                        .deliver(pages, from, ending)
                        .doOnNext(first::reached)
                        .then(),
                cutOff);
    }

    /** The first page of a turn. */
    private static final class FirstPage {

        private final Sinks.Empty<Void> begun = Sinks.empty();
        private final Sinks.Empty<Void> ended = Sinks.empty();
        private volatile long through = -1;

        void came(Page page) {
            if (through < 0) {
                through = page.after().reach();
                begun.tryEmitEmpty();
            }
        }

        void reached(Position position) {
            if (through >= 0 && position.reach() >= through) {
                ended.tryEmitEmpty();
            }
        }

        /** When it is done, or none comes, or it takes too long: an operator must be able to pause what is slow. */
        Mono<Void> done() {
            Mono<Boolean> comes = Mono.firstWithSignal(
                    begun.asMono().thenReturn(true), Mono.delay(NO_PAGE_WITHIN).thenReturn(false));
            return comes.flatMap(came -> came
                    ? Mono.firstWithSignal(
                            ended.asMono(), Mono.delay(PAGE_WITHIN).then())
                    : Mono.empty());
        }
    }
}
