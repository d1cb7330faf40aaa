package dev.outbox.handler;

/** What a handler fails with to say that trying again will not help: the event is dead at once. */
public final class UndeliverableException extends RuntimeException {

    /** @param message why, for those who look at the dead event */
    public UndeliverableException(String message) {
        super(message);
    }

    public UndeliverableException(String message, Throwable cause) {
        super(message, cause);
    }
}
