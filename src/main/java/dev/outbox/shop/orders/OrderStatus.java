package dev.outbox.shop.orders;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.outbox.http.JsonFields;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Where an order is on its way. */
enum OrderStatus {
    CREATED,
    BACKORDER,
    SHIPPED,
    CANCELED;

    /** The one of this name, or null if there is none. */
    static @Nullable OrderStatus of(@Nullable String name) {
        for (OrderStatus status : values()) {
            if (status.json().equals(name)) {
                return status;
            }
        }
        return null;
    }

    /** The one that a field of JSON names. */
    static OrderStatus of(JsonFields fields, String name) {
        return fields.oneOf(name, OrderStatus::of, names());
    }

    /** All names, for people. */
    static String names() {
        return String.join(", ", Arrays.stream(values()).map(OrderStatus::json).toList());
    }

    /** The name in JSON and in the database. */
    @JsonValue
    String json() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What an order of this status may become. Setting the present status again changes nothing and is no such step. */
    List<OrderStatus> next() {
        return switch (this) {
            case CREATED -> List.of(BACKORDER, SHIPPED, CANCELED);
            case BACKORDER -> List.of(CREATED, SHIPPED, CANCELED);
            case SHIPPED, CANCELED -> List.of();
        };
    }

    /** What an order may be that becomes this. */
    List<OrderStatus> previous() {
        return Arrays.stream(values())
                .filter(status -> status.next().contains(this))
                .toList();
    }
}
