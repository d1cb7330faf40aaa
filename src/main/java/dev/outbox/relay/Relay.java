package dev.outbox.relay;

import static java.util.Objects.requireNonNull;

import dev.outbox.dispatch.Subscription;
import dev.outbox.leadership.Assignment;
import dev.outbox.leadership.Leadership;
import dev.outbox.leadership.Polling;
import dev.outbox.leadership.SubscriptionRuns;
import dev.outbox.log.Claims;
import dev.outbox.log.EventLog;
import dev.outbox.log.RunStates;
import dev.outbox.logging.LogValue;
import dev.outbox.tail.AwaitableCounter;
import dev.outbox.tail.Doorbell;
import dev.outbox.tail.Listener;
import dev.outbox.tail.SharedSessionException;
import dev.outbox.tail.Tail;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * The engine's life: connect → listen → lead → run the subscriptions that are this instance's, and from the start again when the
 * connection is lost. Starts after the web server and stops before it.
 */
public final class Relay implements SmartLifecycle {

    private static final Logger LOG = LoggerFactory.getLogger(Relay.class);

    private static final Duration RECONNECT_FIRST = Duration.ofMillis(100);
    private static final Duration RECONNECT_CAP = Duration.ofSeconds(1);

    private static final Duration LOOK_FOR_SIGNALS_EVERY = Duration.ofSeconds(5);

    /** Without a session nothing tells of them. */
    private static final Duration LOOK_FOR_SIGNALS_UNTOLD_EVERY = Duration.ofSeconds(1);

    private static final String ADVICE =
            "The database is behind a pooler in transaction mode, it seems: LISTEN and locks of a"
                    + " session do not work. Events are found by polling, up to 250 ms late, and only one instance may run. Give"
                    + " spring.r2dbc.url the address of PostgreSQL itself, or of a pooler in session mode.";

    private final PostgresqlConnectionFactory connections;
    private final EventLog log;
    private final Claims claims;
    private final ActionApplier actions;
    private final RunStates states;
    private final Map<String, Subscription> subscriptions;
    private final RelaySettings settings;
    private final String instance;
    private final Scheduler scheduler = Schedulers.newParallel("outbox-relay", 2, true);

    private volatile State phase = State.CONNECTING;
    private volatile Assignment assignment;
    private @Nullable Life life;

    Relay(
            PostgresqlConnectionFactory connections,
            EventLog log,
            Claims claims,
            ActionApplier actions,
            RunStates states,
            List<Subscription> subscriptions,
            RelaySettings settings,
            String instance) {
        this.connections = connections;
        this.log = log;
        this.claims = claims;
        this.actions = actions;
        this.states = states;
        this.subscriptions = subscriptions.stream().collect(Collectors.toMap(Subscription::name, Function.identity()));
        this.settings = settings;
        this.instance = instance;
        this.assignment = new Assignment(instance);
    }

    /** What this instance does for the subscriptions. */
    public enum State {
        /** It has no connection to listen on. */
        CONNECTING,
        /** Others run the subscriptions; this one takes over when one of them goes. */
        STANDING_BY,
        /** It runs at least one subscription. */
        LEADING,
        /** It cannot have a session of its own, and runs the subscriptions as if it were alone. */
        POLLING,
        /** It was told to stop. */
        STOPPED
    }

    public State state() {
        return phase == State.STANDING_BY && !assignment.names().isEmpty() ? State.LEADING : phase;
    }

    /** The names of the subscriptions that this instance runs, in order. */
    public List<String> leads() {
        return assignment.names();
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
        private volatile boolean stopping;

        Life() {
            task = Mono.defer(this::session)
                    .repeat(() -> !stopping)
                    .then()
                    .retryWhen(Retry.backoff(Long.MAX_VALUE, RECONNECT_FIRST)
                            .maxBackoff(RECONNECT_CAP)
                            .doBeforeRetry(signal -> LOG.warn(
                                    "relay.reconnects instance={} error=\"{}\"",
                                    instance,
                                    LogValue.quoted(cause(signal.failure())))))
                    .doFinally(end -> over.tryEmitEmpty())
                    .subscribe(
                            nothing -> {},
                            error -> LOG.error("relay.failed instance={}", instance, LogValue.stack(error)));
        }

        /** Stops fetching, lets what is in flight end, stores the position, steps down; within the deadline. */
        void end(Runnable ended) {
            stopping = true;
            stop.tryEmitEmpty();
            Mono.firstWithSignal(
                            over.asMono(), Mono.delay(settings.stopWithin()).then())
                    .publishOn(Schedulers.boundedElastic()) // disposing takes locks
                    .doFinally(end -> {
                        task.dispose();
                        scheduler.dispose();
                        enter(State.STOPPED);
                        ended.run();
                    })
                    .subscribe();
        }

        /** One session with the server, until it is lost or the relay is stopped. */
        private Mono<Void> session() {
            if (stopping) {
                return Mono.empty();
            }
            enter(State.CONNECTING);
            return Mono.usingWhen(
                            Listener.connect(connections),
                            listener -> Mono.firstWithSignal(listener.lost(), lead(listener)),
                            Listener::close,
                            (listener, error) -> listener.close(),
                            Listener::close)
                    .onErrorResume(SharedSessionException.class, this::poll);
        }

        private Mono<Void> lead(Listener listener) {
            enter(State.STANDING_BY);
            Tail tail = new Tail(log, new Doorbell(listener), settings.safetyPoll());
            ControlSignals signals = new ControlSignals(actions.signals(), listener.changes(), LOOK_FOR_SIGNALS_EVERY);
            Leadership leadership = new Leadership(listener, subscriptions.keySet(), runs(tail, signals), assignment);
            return Mono.firstWithSignal(leadership.lead(stop.asMono()), tail.run());
        }

        private Mono<Void> poll(SharedSessionException shared) {
            enter(State.POLLING);
            LOG.warn("relay.polls instance={} cause=\"{}\" {}", instance, LogValue.quoted(shared.getMessage()), ADVICE);
            Tail tail = new Tail(log, new Doorbell(null), settings.safetyPoll());
            ControlSignals signals =
                    new ControlSignals(actions.signals(), new AwaitableCounter(), LOOK_FOR_SIGNALS_UNTOLD_EVERY);
            Polling polling = new Polling(connections, subscriptions.keySet(), runs(tail, signals), assignment);
            return Mono.firstWithSignal(polling.run(stop.asMono()), tail.run());
        }

        private SubscriptionRuns runs(Tail tail, ControlSignals signals) {
            return (name, until) -> new SubscriptionRunner(
                            requireNonNull(subscriptions.get(name)),
                            tail,
                            signals,
                            claims,
                            actions,
                            states,
                            instance,
                            scheduler,
                            settings)
                    .run(until);
        }
    }

    private void enter(State next) {
        assignment = new Assignment(instance);
        phase = next;
    }

    private static String cause(Throwable error) {
        return error.getCause() == null ? error.toString() : error.getCause().toString();
    }
}
