package dev.outbox.log;

import java.time.Duration;

/** What a replay would deliver again could not be counted in time. */
public final class TooLongToCountException extends IllegalArgumentException {

    TooLongToCountException(Duration deadline, Throwable cause) {
        super(
                "It could not be counted within " + deadline.toMillis() + " ms how many events these are:"
                        + " begin later, with `from`, or replay all keys and types.",
                cause);
    }
}
