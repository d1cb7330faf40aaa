package dev.outbox.log;

import org.jspecify.annotations.Nullable;

/**
 * Somebody else has written the checkpoint that was to be written, or removed the one that it follows, or the server is not the one that the position was read from:
 * whoever meets this does not lead the subscription any more.
 */
public final class StaleLeaderException extends RuntimeException {

    /** @param cause null if the one before it is gone */
    StaleLeaderException(Checkpoint checkpoint, @Nullable Throwable cause) {
        super(
                "Checkpoint " + checkpoint.generation() + " of " + checkpoint.subscription()
                        + " does not follow the last one: somebody else has gone on",
                cause);
    }

    /** The server was promoted since, or is another one. */
    StaleLeaderException(String timeline) {
        super("The position was read from a server on timeline " + timeline + ", this one is on another");
    }
}
