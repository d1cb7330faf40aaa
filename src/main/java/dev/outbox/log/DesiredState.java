package dev.outbox.log;

import org.jspecify.annotations.Nullable;

/**
 * How operators want a subscription to run.
 *
 * @param paused nothing is to be delivered
 * @param replayedThrough events up to this id were asked for again, until the position passes it; 0 if there is no replay
 * @param replayRate of these, events per second at most; null for no limit
 */
public record DesiredState(
        boolean paused, long replayedThrough, @Nullable Integer replayRate) {}
