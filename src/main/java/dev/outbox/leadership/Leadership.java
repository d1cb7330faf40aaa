package dev.outbox.leadership;

import dev.outbox.log.StaleLeaderException;
import dev.outbox.tail.Listener;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/**
 * This instance's part in running the subscriptions, for one session: looks who runs what, takes what is free and its own by
 * {@link Balance}, gives up what others should have, and runs what it holds.
 *
 * <p>A lock is lost with the session: a killed process frees its own at once, a frozen or cut-off one when the server ends its silent
 * session (idle_session_timeout). What a leader that has not noticed yet still writes runs into the fence of
 * {@link dev.outbox.log.Checkpoints}. For one subscriber; not reusable.
 */
public final class Leadership {

    private static final Logger LOG = LoggerFactory.getLogger(Leadership.class);

    private static final Duration LOOK_EVERY = Duration.ofMillis(500);

    /** Who runs everything can miss nothing but newcomers, and they tell. */
    private static final Duration LOOK_FOR_NEWCOMERS_EVERY = Duration.ofSeconds(3);

    /** What nobody takes whose turn it is, anybody takes: that one may be frozen. */
    private static final Duration LEFT_FREE = Duration.ofSeconds(1);

    /** What was given up and came back is kept this long before it is given up again. */
    private static final Duration KEPT = Duration.ofSeconds(10);

    private static final Duration AGAIN_FIRST = Duration.ofMillis(100);
    private static final Duration AGAIN_CAP = Duration.ofSeconds(1);

    private final Listener listener;
    private final Roster roster;
    private final Set<String> subscriptions;
    private final SubscriptionRuns runs;
    private final Assignment assignment;

    private final Map<String, Term> terms = new ConcurrentHashMap<>();
    private final Map<String, Long> freeSince = new HashMap<>();
    private final Map<String, Long> keptSince = new HashMap<>();
    private final Sinks.Many<Term> begun = Sinks.many().unicast().onBackpressureBuffer();
    private final Sinks.Empty<Void> left = Sinks.empty();
    private volatile boolean stopping;

    public Leadership(Listener listener, Set<String> subscriptions, SubscriptionRuns runs, Assignment assignment) {
        this.listener = listener;
        this.subscriptions = Set.copyOf(subscriptions);
        this.roster = new Roster(listener, List.copyOf(this.subscriptions));
        this.runs = runs;
        this.assignment = assignment;
    }

    /** From taking a subscription until giving it back. */
    private record Term(String name, Sinks.Empty<Void> ending) {}

    /**
     * Leads until it is told to stop.
     *
     * @return completes when stopped, all events in flight are done, the positions stored and the subscriptions given back
     */
    public Mono<Void> lead(Mono<Void> stop) {
        Mono<Void> heeded = stop.doOnTerminate(() -> stopping = true);
        Mono<Void> sharing = roster.join()
                .then(Mono.defer(() -> round(heeded)).repeat(() -> !stopping).then())
                .then(Mono.defer(roster::leave))
                .doOnTerminate(this::leave);
        Mono<Void> running = begun.asFlux()
                .flatMap(term -> run(term, heeded), subscriptions.size() + 1)
                .then();
        return Mono.when(sharing, running);
    }

    private void leave() {
        begun.tryEmitComplete();
        left.tryEmitEmpty();
    }

    /** Look, take, give up, rest. */
    private Mono<Void> round(Mono<Void> stop) {
        long changes = listener.changes().get();
        return roster.look()
                .flatMap(balance -> Flux.fromIterable(noteFree(balance))
                        .concatMap(name -> take(name, balance), 1)
                        .then(Mono.fromRunnable(() -> giveUp(balance))))
                .then(Mono.firstWithSignal(stop, listener.changes().above(changes), Mono.defer(this::untilNextLook)));
    }

    private Mono<Void> untilNextLook() {
        boolean all = terms.size() == subscriptions.size();
        return Mono.delay(all ? LOOK_FOR_NEWCOMERS_EVERY : LOOK_EVERY).then();
    }

    private List<String> noteFree(Balance balance) {
        List<String> free = balance.free();
        freeSince.keySet().retainAll(free);
        free.forEach(name -> freeSince.putIfAbsent(name, System.nanoTime()));
        return free;
    }

    private Mono<Void> take(String name, Balance balance) {
        boolean mine = balance.isMine(name, terms.size());
        if (stopping || terms.containsKey(name) || (!mine && isWithin(LEFT_FREE, freeSince.get(name)))) {
            return Mono.empty();
        }
        return roster.lead(name).doOnNext(granted -> begin(name, granted, mine)).then();
    }

    private void begin(String name, boolean granted, boolean mine) {
        if (granted) {
            Term term = new Term(name, Sinks.empty());
            terms.put(name, term);
            assignment.add(name);
            if (!mine) {
                keptSince.put(name, System.nanoTime());
            }
            begun.emitNext(term, Sinks.EmitFailureHandler.FAIL_FAST);
        }
    }

    private void giveUp(Balance balance) {
        if (stopping) {
            return;
        }
        Optional<String> surplus = balance.surplus(name -> !isWithin(KEPT, keptSince.get(name)));
        surplus.map(terms::get).ifPresent(term -> term.ending().tryEmitEmpty());
    }

    private Mono<Void> run(Term term, Mono<Void> stop) {
        return runs.run(term.name(), Mono.firstWithSignal(stop, term.ending().asMono()))
                .retryWhen(Retry.from(failures -> failures.concatMap(failure -> again(term, failure), 1)))
                .onErrorResume(StaleLeaderException.class, replaced -> Mono.empty())
                .then(Mono.defer(() -> end(term)));
    }

    /** Another has gone on, as it seems: as long as this session holds the lock it claims the subscription again. */
    private Mono<Long> again(Term term, Retry.RetrySignal failure) {
        if (!(failure.failure() instanceof StaleLeaderException) || stopping) {
            return Mono.error(failure.failure());
        }
        LOG.warn("subscription.replaced {}", failure.failure().getMessage());
        return roster.look()
                .flatMap(balance -> balance.leads(term.name())
                        ? Mono.delay(pause(failure.totalRetriesInARow()))
                        : Mono.error(failure.failure()));
    }

    /** Gives the subscription back; who stops altogether is first no longer considered by the others. */
    private Mono<Void> end(Term term) {
        Mono<Void> turn = stopping ? left.asMono() : Mono.empty();
        assignment.remove(term.name());
        return turn.then(Mono.defer(() -> roster.stepDown(term.name()))).doOnTerminate(() -> terms.remove(term.name()));
    }

    private static Duration pause(long failures) {
        Duration doubled = AGAIN_FIRST.multipliedBy(1L << Math.min(failures, 10));
        return doubled.compareTo(AGAIN_CAP) > 0 ? AGAIN_CAP : doubled;
    }

    private static boolean isWithin(Duration length, @Nullable Long since) {
        return since != null && System.nanoTime() - since < TimeUnit.NANOSECONDS.convert(length);
    }
}
