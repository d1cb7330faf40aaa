package dev.outbox.log;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * An event that a subscription's position has passed although it is not done.
 *
 * @param eventId of the event in the log
 * @param aggregate of the event in the log: within it events are delivered in order of id, unless the subscription is without order
 * @param attempts how often it was tried
 * @param due until its next attempt, negative if that is late; null unless it is {@link State#RETRYING}. A duration and no instant,
 *     because it is the database's clock that it is kept by.
 * @param error how the last attempt ended; null if it was not tried
 * @param replayed it was asked for again, so its handler may have had it before
 * @param age since it was parked
 */
public record ParkedEvent(
        long eventId,
        Aggregate aggregate,
        State state,
        int attempts,
        @Nullable Duration due,
        @Nullable String error,
        boolean replayed,
        Duration age) {

    /** What it waits for. */
    public enum State {
        /** The time of its next attempt. */
        RETRYING,
        /** An earlier event of its key. */
        BLOCKED,
        /** Somebody who decides: it was given up. */
        DEAD,
        /** The position, which has not passed it yet: somebody has discarded it, so it is not delivered when it comes again. */
        DISCARDED
    }

    /** An event that waits behind another one of its key. */
    public static ParkedEvent blocked(Event event) {
        return new ParkedEvent(
                event.id(), event.aggregate(), State.BLOCKED, 0, null, null, event.replayed(), Duration.ZERO);
    }
}
