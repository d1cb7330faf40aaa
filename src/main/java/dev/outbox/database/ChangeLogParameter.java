package dev.outbox.database;

/**
 * What a change set of the application reads as <code>${name}</code>; a bean.
 *
 * @param name as the change set has it
 * @param value what stands there
 */
public record ChangeLogParameter(String name, Object value) {}
