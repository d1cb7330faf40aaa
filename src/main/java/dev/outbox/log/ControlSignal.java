package dev.outbox.log;

/**
 * What may make a leader look at what operators want.
 *
 * @param paused whether the subscription is paused
 * @param actionWaits whether an action has not been applied yet
 */
public record ControlSignal(String subscription, boolean paused, boolean actionWaits) {}
