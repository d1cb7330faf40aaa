package dev.outbox.log;

/**
 * A part of the log.
 *
 * @param name of its table in the schema outbox
 * @param from its first id
 * @param to the first id behind it
 */
public record Partition(String name, long from, long to) {}
