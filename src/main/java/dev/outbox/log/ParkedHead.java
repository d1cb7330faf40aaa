package dev.outbox.log;

/**
 * The first parked event of a key.
 *
 * @param event its error is not read
 * @param upTo the highest id of those of its key that are parked and that the position has passed; its own if it is alone
 */
public record ParkedHead(ParkedEvent event, long upTo) {}
