package dev.outbox.operations;

import com.fasterxml.jackson.annotation.JsonRawValue;
import dev.outbox.log.Event;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An event of whatever kind, as it is in the log.
 *
 * @param payload JSON, written as it is
 * @param headers JSON, written as it is
 */
record LoggedEvent(
        long id,
        String aggregateType,
        String key,
        String type,
        Instant occurredAt,
        @JsonRawValue String payload,
        @JsonRawValue @Nullable String headers) {

    static LoggedEvent of(Event event) {
        return new LoggedEvent(
                event.id(),
                event.aggregateType(),
                event.key(),
                event.type(),
                event.occurredAt(),
                event.payload(),
                event.headers());
    }
}
