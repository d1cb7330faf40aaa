package dev.outbox.relay;

import dev.outbox.log.Checkpoints;
import dev.outbox.log.EventLog;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * The engine's life: connect → listen → lead → run the subscriptions, and from the start again when the connection is lost or
 * another instance leads. Starts after the web server and stops before it.
 */
public final class Relay implements SmartLifecycle {

    private static final Logger LOG = LoggerFactory.getLogger(Relay.class);

    private static final Duration RECONNECT_FIRST = Duration.ofMillis(100);
    private static final Duration RECONNECT_CAP = Duration.ofSeconds(1);

    private final PostgresqlConnectionFactory connections;
    private final EventLog log;
    private final Checkpoints checkpoints;
    private final ActionApplier actions;
    private final List<Subscription> subscriptions;
    private final RelaySettings settings;
    private final String instance;
    private final Scheduler scheduler = Schedulers.newParallel("outbox-relay", 2, true);

    private volatile State state = State.CONNECTING;
    private @Nullable Life life;

    Relay(
            PostgresqlConnectionFactory connections,
            EventLog log,
            Checkpoints checkpoints,
            ActionApplier actions,
            List<Subscription> subscriptions,
            RelaySettings settings,
            String instance) {
        this.connections = connections;
        this.log = log;
        this.checkpoints = checkpoints;
        this.actions = actions;
        this.subscriptions = List.copyOf(subscriptions);
        this.settings = settings;
        this.instance = instance;
    }

    /** What this instance does for the subscriptions. */
    public enum State {
        /** It has no connection to listen on. */
        CONNECTING,
        /** Another instance leads; this one takes over when that one goes. */
        STANDING_BY,
        /** It runs the subscriptions. */
        LEADING,
        /** It was told to stop. */
        STOPPED
    }

    public State state() {
        return state;
    }

    /** Who this is, in checkpoints and logs. */
    public String instance() {
        return instance;
    }

    @Override
    public synchronized void start() {
        life = new Life();
    }

    @Override
    public void stop() {
        stop(() -> {});
    }

    @Override
    public synchronized void stop(Runnable stopped) {
        Life ending = life;
        life = null;
        if (ending == null) {
            stopped.run();
        } else {
            ending.end(stopped);
        }
    }

    @Override
    public synchronized boolean isRunning() {
        return life != null;
    }

    private final class Life {

        private final Sinks.Empty<Void> stop = Sinks.empty();
        private final Sinks.Empty<Void> over = Sinks.empty();
        private final Disposable task;

        Life() {
            task = Mono.defer(this::session)
                    .retryWhen(Retry.backoff(Long.MAX_VALUE, RECONNECT_FIRST)
                            .maxBackoff(RECONNECT_CAP)
                            .doBeforeRetry(signal -> LOG.warn(
                                    "relay.reconnects instance={} error=\"{}\"", instance, cause(signal.failure()))))
                    .doFinally(end -> over.tryEmitEmpty())
                    .subscribe(nothing -> {}, error -> LOG.error("relay.failed instance={}", instance, error));
        }

        /** Stops fetching, lets what is in hand end, stores the position, steps down; within the deadline. */
        void end(Runnable ended) {
            stop.tryEmitEmpty();
            Mono.firstWithSignal(
                            over.asMono(), Mono.delay(settings.stopWithin()).then())
                    .doFinally(end -> {
                        task.dispose();
                        scheduler.dispose();
                        state = State.STOPPED;
                        ended.run();
                    })
                    .subscribe();
        }

        /** One session with the server, until it is lost or the relay is stopped. */
        private Mono<Void> session() {
            state = State.CONNECTING;
            return Mono.usingWhen(
                    Listener.connect(connections),
                    listener -> Mono.firstWithSignal(listener.lost(), lead(listener)),
                    Listener::close,
                    (listener, error) -> listener.close(),
                    Listener::close);
        }

        private Mono<Void> lead(Listener listener) {
            state = State.STANDING_BY;
            Leadership leadership = new Leadership(listener);
            return Flux.from(leadership.acquire().thenReturn(true))
                    .takeUntilOther(stop.asMono())
                    .concatMap(leading -> run(listener).then(leadership.stepDown()), 1)
                    .then();
        }

        private Mono<Void> run(Listener listener) {
            state = State.LEADING;
            LOG.info("relay.leads instance={} subscriptions={}", instance, names());
            return Flux.fromIterable(subscriptions)
                    .flatMap(
                            subscription -> runner(subscription).run(listener, stop.asMono()), subscriptions.size() + 1)
                    .then();
        }

        private SubscriptionRunner runner(Subscription subscription) {
            return new SubscriptionRunner(subscription, log, checkpoints, actions, instance, scheduler, settings);
        }
    }

    private List<String> names() {
        return subscriptions.stream().map(Subscription::name).toList();
    }

    private static String cause(Throwable error) {
        return error.getCause() == null ? error.toString() : error.getCause().toString();
    }
}
