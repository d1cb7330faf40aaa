package dev.outbox.shop.orders;

import com.fasterxml.jackson.annotation.JsonRawValue;
import dev.outbox.handler.Event;
import java.time.Instant;

/**
 * An event as people read it.
 *
 * @param payload JSON, written as it is
 */
record OrderEvent(
        long id,
        String type,
        String key,
        Instant occurredAt,
        @JsonRawValue String payload) {

    static OrderEvent of(Event event) {
        return new OrderEvent(event.id(), event.type(), event.key(), event.occurredAt(), event.payload());
    }
}
