package dev.outbox.log;

import dev.outbox.handler.Event;
import org.jspecify.annotations.Nullable;

/**
 * A parked event with what is in the log.
 *
 * @param event null if it was not read with it, because it is large or not in the log
 */
public record ParkedRow(ParkedEvent parked, @Nullable Event event) {}
