package dev.outbox.leadership;

import dev.outbox.log.StaleLeaderException;
import dev.outbox.tail.Listener;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import java.time.Duration;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/**
 * Runs all subscriptions without a session of its own: nothing rings, and nothing tells who leads. Readers look at the log again and
 * again, and of two instances that believe that they run a subscription, the fence of {@link dev.outbox.log.Checkpoints} stops
 * one, which then stands back for a while. Ends when a session can be had.
 */
public final class Polling {

    private static final Logger LOG = LoggerFactory.getLogger(Polling.class);

    private static final Duration TRY_EVERY = Duration.ofSeconds(30);
    private static final Duration STAND_BACK = Duration.ofSeconds(30);

    private final PostgresqlConnectionFactory connections;
    private final Set<String> subscriptions;
    private final SubscriptionRuns runs;
    private final Assignment assignment;
    private final Duration tryEvery;
    private volatile boolean ending;

    public Polling(
            PostgresqlConnectionFactory connections,
            Set<String> subscriptions,
            SubscriptionRuns runs,
            Assignment assignment) {
        this(connections, subscriptions, runs, assignment, TRY_EVERY);
    }

    Polling(
            PostgresqlConnectionFactory connections,
            Set<String> subscriptions,
            SubscriptionRuns runs,
            Assignment assignment,
            Duration tryEvery) {
        this.connections = connections;
        this.subscriptions = subscriptions;
        this.runs = runs;
        this.assignment = assignment;
        this.tryEvery = tryEvery;
    }

    /** Completes when it was told to stop or a session can be had, all events in flight are done and the positions stored. */
    public Mono<Void> run(Mono<Void> stop) {
        Sinks.Empty<Void> end = Sinks.empty();
        Mono<Void> watching = Mono.firstWithSignal(stop, session()).doOnTerminate(() -> end(end));
        Mono<Void> running = Flux.fromIterable(subscriptions)
                .flatMap(subscription -> run(subscription, end.asMono()), subscriptions.size() + 1)
                .then();
        return Mono.when(watching, running);
    }

    private void end(Sinks.Empty<Void> end) {
        ending = true;
        end.tryEmitEmpty();
    }

    private Mono<Void> session() {
        return Flux.interval(tryEvery)
                .onBackpressureDrop()
                .concatMap(beat -> Listener.connect(connections).onErrorComplete(), 1)
                .concatMap(listener -> listener.close().thenReturn(true), 1)
                .next()
                .then();
    }

    private Mono<Void> run(String subscription, Mono<Void> end) {
        return Mono.defer(() -> {
                    assignment.add(subscription);
                    return runs.run(subscription, end);
                })
                .doOnError(StaleLeaderException.class, stale -> replaced(subscription, stale))
                .retryWhen(Retry.from(failures -> failures.concatMap(failure -> standBack(failure.failure(), end), 1)))
                .onErrorResume(StaleLeaderException.class, stale -> Mono.empty())
                .doOnTerminate(() -> assignment.remove(subscription));
    }

    private void replaced(String subscription, StaleLeaderException stale) {
        assignment.remove(subscription);
        LOG.warn(
                "subscription.replaced {}; polling, only one instance may run: this one stands back for {} s",
                stale.getMessage(),
                STAND_BACK.toSeconds());
    }

    private Mono<Boolean> standBack(Throwable failure, Mono<Void> end) {
        if (!(failure instanceof StaleLeaderException)) {
            return Mono.error(failure);
        }
        return Mono.firstWithSignal(end, Mono.delay(STAND_BACK).then())
                .then(Mono.defer(() -> ending ? Mono.error(failure) : Mono.just(true)));
    }
}
