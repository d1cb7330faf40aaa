package dev.outbox.log;

/**
 * Somebody else has written the checkpoint that was to be written, or the server is not the one that the position was read from:
 * whoever meets this does not lead the subscription any more.
 */
public final class StaleLeaderException extends RuntimeException {

    StaleLeaderException(Checkpoint checkpoint, Throwable cause) {
        super(
                "Checkpoint " + checkpoint.generation() + " of " + checkpoint.subscription()
                        + " was written by somebody else",
                cause);
    }

    /** The server was promoted since, or is another one. */
    StaleLeaderException(String timeline) {
        super("The position was read from a server on timeline " + timeline + ", this one is on another");
    }
}
