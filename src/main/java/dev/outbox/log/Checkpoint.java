package dev.outbox.log;

import dev.outbox.handler.Origin;

/**
 * A stored position.
 *
 * @param subscription whose
 * @param generation counts the checkpoints of the subscription, from 0, and never again from there; the highest counts
 * @param position what the subscription has done
 * @param origin what events carry that are handed out from there; it is given with a claim
 */
public record Checkpoint(String subscription, long generation, Position position, Origin origin) {

    /** As it is stored. */
    public Checkpoint(String subscription, long generation, Position position) {
        this(subscription, generation, position, Origin.NONE);
    }

    public Checkpoint next(Position position) {
        return new Checkpoint(subscription, generation + 1, position, origin);
    }

    Checkpoint ledFrom(Origin leader) {
        return new Checkpoint(subscription, generation, position, leader);
    }
}
