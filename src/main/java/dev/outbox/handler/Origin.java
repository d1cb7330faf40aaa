package dev.outbox.handler;

import java.util.UUID;

/**
 * Who hands an event out.
 *
 * @param log the identity of the log, the same in every dump and restore of it
 * @param fence the fencing token of the leader: whoever leads later has a higher one
 */
public record Origin(UUID log, long fence) {

    /** Of events that nobody has handed out, as in tests. */
    public static final Origin NONE = new Origin(new UUID(0, 0), 0);
}
