package dev.outbox.log;

import java.util.List;

/**
 * What is parked when a run begins.
 *
 * @param heads of each key that waits, the first event that the position has passed; of a subscription without order, every event
 * @param aheadUpTo the highest id of a parked event that the position has not passed, which comes again from the log; 0 if there is none
 * @param deadAside whether the keys that dead events hold are not among these, since they are many: whoever reads a page has to ask for them
 */
public record Parked(List<ParkedHead> heads, long aheadUpTo, boolean deadAside) {

    public static final Parked NOTHING = new Parked(List.of(), 0, false);
}
