package dev.outbox.log;

import java.util.List;

/**
 * What is parked when a run begins.
 *
 * @param heads of each key that waits, the first event that the position has passed; of a subscription without order, every event
 * @param aheadUpTo the highest id of a parked event that the position has not passed, which comes again from the log; 0 if there is none
 */
public record Parked(List<ParkedHead> heads, long aheadUpTo) {

    public static final Parked NOTHING = new Parked(List.of(), 0);
}
