package dev.outbox.operations;

import com.fasterxml.jackson.annotation.JsonRawValue;
import dev.outbox.handler.Event;
import dev.outbox.handler.Origin;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An event of whatever kind, as it is in the log.
 *
 * @param payload JSON, written as it is
 * @param headers JSON, written as it is
 */
record LoggedEvent(
        long id,
        UUID uid,
        String aggregateType,
        String key,
        String type,
        Instant occurredAt,
        @JsonRawValue String payload,
        @JsonRawValue @Nullable String headers) {

    static LoggedEvent of(Event event, UUID log) {
        return new LoggedEvent(
                event.id(),
                event.from(new Origin(log, 0)).uid(),
                event.aggregateType(),
                event.key(),
                event.type(),
                event.occurredAt(),
                event.payload(),
                event.headers());
    }
}
