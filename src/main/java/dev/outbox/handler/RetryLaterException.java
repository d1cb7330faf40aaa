package dev.outbox.handler;

import java.time.Duration;

/** What a handler fails with to say when it may be asked again, such as a receiver's {@code Retry-After} (RFC 9110, 10.2.3). */
public final class RetryLaterException extends RuntimeException {

    private final Duration after;

    /**
     * @param after how long to wait before the next attempt, instead of what the subscription's policy says, but no less than its first
     *     delay and no longer than its longest
     * @param message why, for those who look at the parked event
     */
    public RetryLaterException(Duration after, String message) {
        super(message);
        this.after = after;
    }

    public Duration after() {
        return after;
    }
}
