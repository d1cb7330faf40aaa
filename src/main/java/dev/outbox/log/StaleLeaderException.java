package dev.outbox.log;

/** Somebody else has written the checkpoint that was to be written: whoever meets this does not lead the subscription any more. */
public final class StaleLeaderException extends RuntimeException {

    StaleLeaderException(Checkpoint checkpoint, Throwable cause) {
        super(
                "Checkpoint " + checkpoint.generation() + " of " + checkpoint.subscription()
                        + " was written by somebody else",
                cause);
    }
}
