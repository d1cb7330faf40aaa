package dev.outbox.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A parked event as people read it; the event itself only where one is asked for. */
@JsonInclude(JsonInclude.Include.NON_NULL)
record ParkedReport(
        long eventId,
        String aggregateType,
        String key,
        String state,
        int attempts,
        @Nullable Instant nextAttemptAt,
        @Nullable String error,
        boolean replayed,
        Instant parkedAt,
        @Nullable Instant attemptedAt,
        @Nullable LoggedEvent event) {

    ParkedReport with(LoggedEvent event) {
        return new ParkedReport(
                eventId,
                aggregateType,
                key,
                state,
                attempts,
                nextAttemptAt,
                error,
                replayed,
                parkedAt,
                attemptedAt,
                event);
    }
}
