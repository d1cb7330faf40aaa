package dev.outbox.log;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An immutable fact in the log.
 *
 * @param id unique in the log; for one key the order of ids is the order of commits
 * @param aggregateType what kind of thing changed, such as {@code order}
 * @param key which one changed; events of one key are delivered in order
 * @param type what happened, such as {@code order.shipped}
 * @param occurredAt when the writer's trigger ran, by the clock of the database
 * @param payload a JSON value, as text
 * @param headers a JSON object, as text; null if nothing travels beside the payload
 * @param replayed whether somebody asked for it again, so that the handler may have had it before; not in the log, but of this delivery
 */
public record Event(
        long id,
        String aggregateType,
        String key,
        String type,
        Instant occurredAt,
        String payload,
        @Nullable String headers,
        boolean replayed) {

    /** As it is in the log. */
    public Event(
            long id,
            String aggregateType,
            String key,
            String type,
            Instant occurredAt,
            String payload,
            @Nullable String headers) {
        this(id, aggregateType, key, type, occurredAt, payload, headers, false);
    }

    /** How much of a bound it takes up: 1, and 1 for each kilobyte of what it carries. */
    public int weight() {
        return 1 + (payload.length() + (headers == null ? 0 : headers.length())) / 1_024;
    }

    /** The same, marked as replayed. */
    public Event asReplayed() {
        return new Event(id, aggregateType, key, type, occurredAt, payload, headers, true);
    }
}
