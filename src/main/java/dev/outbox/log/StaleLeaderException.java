package dev.outbox.log;

import org.jspecify.annotations.Nullable;

/**
 * Somebody else has written the checkpoint that was to be written, or removed the one that it follows: whoever meets this does not lead
 * the subscription any more.
 */
public final class StaleLeaderException extends RuntimeException {

    /** @param cause null if the one before it is gone */
    StaleLeaderException(Checkpoint checkpoint, @Nullable Throwable cause) {
        super(
                "Checkpoint " + checkpoint.generation() + " of " + checkpoint.subscription()
                        + " does not follow the last one: somebody else has gone on",
                cause);
    }
}
