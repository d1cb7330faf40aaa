package dev.outbox.log;

/** Somebody has deleted the action that is being applied, or marked it as applied: the transaction that applies it must not commit. */
public final class ActionGoneException extends RuntimeException {

    ActionGoneException(Action action) {
        super("Action " + action.id() + " of " + action.subscription() + " does not wait any more");
    }
}
