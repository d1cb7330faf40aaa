package dev.outbox.log;

/**
 * A stored position.
 *
 * @param subscription whose
 * @param generation counts the checkpoints of the subscription, from 0, and never again from there; the highest counts
 * @param position what the subscription has done
 */
public record Checkpoint(String subscription, long generation, Position position) {

    public Checkpoint next(Position position) {
        return new Checkpoint(subscription, generation + 1, position);
    }
}
