package dev.outbox.relay;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.dispatch.HandlerSubscription;
import dev.outbox.dispatch.Outcome;
import dev.outbox.dispatch.Subscription;
import dev.outbox.log.Action;
import dev.outbox.log.ActionGoneException;
import dev.outbox.log.Actions;
import dev.outbox.log.AmbiguousKeyException;
import dev.outbox.log.Arguments;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.ControlSignal;
import dev.outbox.log.DesiredState;
import dev.outbox.log.DesiredStates;
import dev.outbox.log.ParkedActions;
import dev.outbox.log.Position;
import dev.outbox.log.Replays;
import dev.outbox.log.StaleLeaderException;
import dev.outbox.log.StalePositionException;
import dev.outbox.logging.LogValue;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import tools.jackson.databind.json.JsonMapper;

/**
 * Applies what operators asked for, while the subscription is not running: each action in one transaction with a checkpoint of the next
 * generation, so that a leader that was replaced runs into the fence and applies nothing. An action changes rows only; what runs
 * after it reads them.
 */
final class ActionApplier {

    private static final Logger LOG = LoggerFactory.getLogger(ActionApplier.class);

    /** So often an action is tried at which the database fails, perhaps because of it. */
    private static final int TRIES = 3;

    private final Database database;
    private final Checkpoints checkpoints;
    private final Actions actions;
    private final DesiredStates desiredStates;
    private final ParkedActions parked;
    private final Replays replays;

    ActionApplier(
            Database database,
            Checkpoints checkpoints,
            Actions actions,
            DesiredStates desiredStates,
            ParkedActions parked,
            Replays replays) {
        this.database = database;
        this.checkpoints = checkpoints;
        this.actions = actions;
        this.desiredStates = desiredStates;
        this.parked = parked;
        this.replays = replays;
    }

    /** What may make a leader end its run and apply something; read anew by each who subscribes. */
    Mono<List<ControlSignal>> signals() {
        return desiredStates.signals();
    }

    Mono<DesiredState> desired(Subscription subscription) {
        return desiredStates.of(subscription.name());
    }

    /**
     * Applies the action that waits longest. One that cannot be read, cannot be done, or not in time, or at which the database fails
     * three times, is written down as failed.
     *
     * @param latest the latest checkpoint, which is this instance's
     * @return the latest checkpoint then; empty if none waits. Fails when it is not known what came of it
     */
    Mono<Checkpoint> applyNext(Subscription subscription, Checkpoint latest, String instance) {
        return actions.next(subscription.name()).flatMap(action -> apply(subscription, action, latest, instance));
    }

    private Mono<Checkpoint> apply(Subscription subscription, Action action, Checkpoint latest, String instance) {
        return Mono.fromSupplier(() -> new Task(action, action.what(), action.about()))
                .delayUntil(task -> count(subscription, task, latest))
                .flatMap(task -> position(task, latest)
                        .map(latest::next)
                        .flatMap(next -> store(
                                next,
                                instance,
                                connection -> change(connection, subscription, task, latest, next)
                                        .flatMap(result -> done(connection, action, instance, result)))))
                .onErrorResume(ActionGoneException.class, gone -> Mono.just(latest))
                .onErrorResume(error -> !isTheFences(error), error -> failed(action, latest, instance, error));
    }

    /** An action as it was understood. */
    private record Task(Action action, Action.Name name, Arguments arguments) {

        boolean isReplayOfAll() {
            return name == Action.Name.REPLAY && !arguments.isSelective();
        }
    }

    private Mono<Checkpoint> failed(Action action, Checkpoint latest, String instance, Throwable error) {
        if (!(error instanceof DatabaseUnavailableException away) || away.ranOutOfTime()) {
            return fail(action, latest, instance, error);
        }
        return away.asked()
                ? actions.failed(action)
                        .flatMap(times ->
                                times < TRIES ? Mono.<Checkpoint>error(error) : fail(action, latest, instance, error))
                : Mono.error(error);
    }

    /** Where the subscription goes on; read before the transaction, as {@link Replays#rewind} demands. */
    private Mono<Position> position(Task task, Checkpoint latest) {
        return task.isReplayOfAll()
                ? replays.start(task.arguments).flatMap(start -> replays.rewind(latest.position(), start))
                : Mono.just(latest.position());
    }

    /** One that matches too much to be counted in time does not get as far as the transaction. */
    private Mono<Long> count(Subscription subscription, Task task, Checkpoint latest) {
        return task.name == Action.Name.REPLAY && task.arguments.isSelective()
                ? replays.start(task.arguments)
                        .flatMap(start -> replays.count(
                                latest.position(),
                                subscription.wanted(),
                                task.arguments,
                                start,
                                ParkedActions.MOST + 1L))
                : Mono.empty();
    }

    private Mono<String> change(
            PostgresqlConnection connection, Subscription subscription, Task task, Checkpoint latest, Checkpoint next) {
        String name = subscription.name();
        Action action = task.action;
        return switch (task.name) {
            case PAUSE ->
                desiredStates
                        .pause(connection, name, action.requestedBy(), action.reason())
                        .map(ActionApplier::changed);
            case RESUME -> desiredStates.resume(connection, name).map(ActionApplier::changed);
            case RETRY -> parked.retry(connection, name, task.arguments, HandlerSubscription.PARKED_KEYS);
            case DISCARD -> parked.discard(connection, latest, task.arguments);
            case REPLAY ->
                task.isReplayOfAll()
                        ? replayAll(connection, task, latest, next)
                        : replays.start(task.arguments)
                                .flatMap(start -> parked.replay(
                                        connection,
                                        latest,
                                        subscription.wanted(),
                                        task.arguments,
                                        start,
                                        HandlerSubscription.PARKED_KEYS));
        };
    }

    private Mono<String> replayAll(PostgresqlConnection connection, Task task, Checkpoint latest, Checkpoint next) {
        long through = latest.position().furthest();
        return desiredStates
                .replay(connection, latest.subscription(), through, task.arguments.rate())
                .thenReturn("{\"from\":" + (next.position().reach() + 1) + ",\"through\":" + through + "}");
    }

    /** What cannot be done must not hold up the subscription: it is written down as failed. */
    private Mono<Checkpoint> fail(Action action, Checkpoint latest, String instance, Throwable error) {
        LOG.warn(
                "action.failed id={} subscription={} error=\"{}\"",
                action.id(),
                action.subscription(),
                LogValue.quoted(Outcome.describe(error)));
        LOG.debug("action.failed id={}", action.id(), error);
        String result = JsonMapper.shared().writeValueAsString(result(error));
        return store(
                latest.next(latest.position()), instance, connection -> done(connection, action, instance, result));
    }

    private static Map<String, Object> result(Throwable error) {
        return error instanceof AmbiguousKeyException ambiguous
                ? Map.of("error", reason(error), "aggregateTypes", ambiguous.aggregateTypes())
                : Map.of("error", reason(error));
    }

    private static String reason(Throwable error) {
        if (error instanceof IllegalArgumentException) {
            return String.valueOf(error.getMessage());
        }
        return error instanceof DatabaseUnavailableException away && away.ranOutOfTime()
                ? "It could not be done in time: " + Outcome.describe(requireNonNull(away.getCause()))
                : Outcome.describe(error);
    }

    private Mono<Void> done(PostgresqlConnection connection, Action action, String instance, String result) {
        LOG.info(
                "action.applied id={} subscription={} name={} by=\"{}\" result={}",
                action.id(),
                action.subscription(),
                LogValue.word(action.name()),
                LogValue.quoted(action.requestedBy()),
                result.length() <= 200 ? result : result.substring(0, 200) + "…");
        return actions.applied(connection, action, instance, result);
    }

    private Mono<Checkpoint> store(
            Checkpoint next, String instance, Function<PostgresqlConnection, Mono<Void>> change) {
        return database.<Void>inTransaction(connection -> checkpoints
                        .append(connection, next, instance)
                        .then(Mono.defer(() -> change.apply(connection)))
                        .then(Mono.defer(() -> checkpoints.trim(connection, next))))
                .thenReturn(next);
    }

    private static String changed(boolean changed) {
        return "{\"changed\":" + changed + "}";
    }

    private static boolean isTheFences(Throwable error) {
        return error instanceof StaleLeaderException || error instanceof StalePositionException;
    }
}
