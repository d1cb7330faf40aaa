package dev.outbox.log;

import org.jspecify.annotations.Nullable;

/**
 * What a run of a subscription keeps beside its position.
 *
 * @param circuit the failure that holds the circuit open; null if it is closed
 * @param parkedFull whether it reads no further because too many keys are parked
 * @param replayedThrough events up to this id were asked for again, until the position passes it; 0 if there is no replay
 */
public record RunState(@Nullable String circuit, boolean parkedFull, long replayedThrough) {

    static final RunState NONE = new RunState(null, false, 0);

    /** The state at a position: a replay is over when the position has passed it. */
    public RunState at(Position position, @Nullable String itsCircuit, boolean full) {
        return new RunState(itsCircuit, full, position.hasPassed(replayedThrough) ? 0 : replayedThrough);
    }
}
