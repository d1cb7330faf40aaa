package dev.outbox.operations;

import dev.outbox.log.Action;
import dev.outbox.log.Actions;
import dev.outbox.log.AmbiguousKeyException;
import dev.outbox.log.Arguments;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.ParkedActions;
import dev.outbox.log.Position;
import dev.outbox.log.Replays;
import dev.outbox.log.TooLongToCountException;
import dev.outbox.problems.Problem;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/**
 * What an operator can ask for, from any instance. It is written down and the leader of the subscription applies it; the answer
 * waits for that, for two seconds.
 */
@Component
public final class Operator {

    private static final Duration WAIT = Duration.ofSeconds(2);
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);

    /** A dry run counts no further. */
    private static final long COUNTED = 1_000_000;

    private final Actions actions;
    private final Replays replays;
    private final Checkpoints checkpoints;
    private final SubscriptionReports reports;

    Operator(Actions actions, Replays replays, Checkpoints checkpoints, SubscriptionReports reports) {
        this.actions = actions;
        this.replays = replays;
        this.checkpoints = checkpoints;
        this.reports = reports;
    }

    /**
     * Who asks, and why.
     *
     * @param idempotencyKey a repeated call with the same key is the same action; null if the call has none
     */
    public record Caller(
            String name, @Nullable String reason, @Nullable String idempotencyKey) {}

    /**
     * How much a replay delivers again.
     *
     * @param more whether there are more than were counted
     * @param from the id that it begins with: lower than was asked for if something before that is not done
     */
    public record DryRun(long events, boolean more, long from) {}

    /**
     * Asks for an action.
     *
     * @return the action, applied or, if no leader has come to it in time, waiting; fails with a {@link Problem}
     */
    public Mono<Action> ask(String subscription, Action.Name name, Arguments arguments, Caller caller) {
        return reports.known(subscription)
                .then(Mono.defer(() -> actions.ask(
                        subscription, name, arguments, caller.reason(), caller.name(), caller.idempotencyKey())))
                .switchIfEmpty(Mono.error(Operator::keyReused))
                .flatMap(this::awaitApplied);
    }

    /** Asks for a replay, unless it is of a key or a type and too large. */
    public Mono<Action> replay(String subscription, Arguments arguments, Caller caller) {
        Mono<Action> asked = Mono.defer(() -> ask(subscription, Action.Name.REPLAY, arguments, caller));
        return !arguments.isSelective()
                ? asked
                : count(subscription, arguments, ParkedActions.MOST + 1L)
                        .flatMap(count -> count.events() > ParkedActions.MOST ? Mono.error(tooMany()) : asked);
    }

    /**
     * Cancels an action that waits.
     *
     * @return the cancelled action; fails with a {@link Problem} if it was applied before
     */
    public Mono<Action> cancel(String subscription, long id, Caller caller) {
        return reports.known(subscription)
                .then(Mono.defer(() -> actions.cancel(subscription, id, caller.name())))
                .switchIfEmpty(Mono.defer(() -> actions.find(subscription, id))
                        .flatMap(action -> Mono.<Action>error(appliedBefore(action)))
                        .switchIfEmpty(Mono.error(() -> Problem.unknown("action", id))));
    }

    /** Counts what a replay would deliver again, and changes nothing. */
    public Mono<DryRun> dryRun(String subscription, Arguments arguments) {
        return count(subscription, arguments, COUNTED);
    }

    private Mono<DryRun> count(String subscription, Arguments arguments, long limit) {
        return reports.of(subscription)
                .flatMap(report -> checkpoints
                        .latest(subscription)
                        .flatMap(latest -> replays.start(arguments)
                                .flatMap(start -> begin(latest.position(), arguments, start))
                                .flatMap(from -> replays.count(
                                                latest.position(), report.wanted(), arguments, from, limit)
                                        .map(events -> new DryRun(events, events >= limit, from))))
                        .defaultIfEmpty(new DryRun(0, false, 1)))
                .onErrorMap(TooLongToCountException.class, Operator::tooLong)
                .onErrorMap(AmbiguousKeyException.class, error -> ambiguous(error.aggregateTypes()));
    }

    private Mono<Long> begin(Position present, Arguments arguments, long start) {
        return arguments.isSelective()
                ? Mono.just(start)
                : replays.rewind(present, start).map(rewound -> rewound.reach() + 1);
    }

    /** Looks again and again; the timer is between the looks, so none is cancelled. */
    private Mono<Action> awaitApplied(Action asked) {
        return Mono.just(asked)
                .expand(action -> action.isApplied()
                        ? Mono.empty()
                        : Mono.delay(LOOK_EVERY)
                                .then(Mono.defer(() -> actions.find(action.subscription(), action.id()))))
                .take(WAIT.dividedBy(LOOK_EVERY), true)
                .last();
    }

    private static Problem appliedBefore(Action action) {
        return Problem.of(
                        HttpStatus.CONFLICT,
                        "action-does-not-wait",
                        "Action does not wait",
                        "The action was applied or cancelled at " + action.appliedAt()
                                + "; only one that waits can be cancelled.")
                .with("action", action.id());
    }

    private static Problem keyReused() {
        return Problem.of(
                HttpStatus.UNPROCESSABLE_CONTENT,
                "idempotency-key-reused",
                "Idempotency key reused",
                "Another call has used this Idempotency-Key; repeat a call as it was, or give another one a key of its own.");
    }

    private static Problem tooLong(TooLongToCountException error) {
        return Problem.of(
                HttpStatus.UNPROCESSABLE_CONTENT,
                "too-long-to-count",
                "Too long to count",
                String.valueOf(error.getMessage()));
    }

    /** An action that did nothing for that reason. */
    static Problem ambiguous(Action action) {
        return ambiguous(action.aggregateTypes()).with("action", action.id());
    }

    private static Problem ambiguous(List<String> aggregateTypes) {
        return Problem.of(
                        HttpStatus.CONFLICT,
                        "ambiguous-key",
                        "Ambiguous key",
                        "Things of several types have that key: say which one is meant, with `aggregateType`.")
                .with("aggregateTypes", aggregateTypes);
    }

    private static Problem tooMany() {
        return Problem.of(
                        HttpStatus.UNPROCESSABLE_CONTENT,
                        "too-many-events",
                        "Too many events",
                        "A replay of a key or a type is of at most " + ParkedActions.MOST
                                + " events, and these are more: begin later, with `from`, or replay all keys and types.")
                .with("most", ParkedActions.MOST);
    }
}
