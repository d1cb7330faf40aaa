package dev.outbox.capture;

/**
 * A trigger without which changes go unseen. As a bean it makes {@code GET /actuator/health/capture} DOWN while it is missing or disabled.
 *
 * @param table with its schema, quoted where SQL needs it
 * @param trigger its name
 */
public record ExpectedTrigger(String table, String trigger) {}
