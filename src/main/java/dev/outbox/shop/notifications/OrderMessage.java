package dev.outbox.shop.notifications;

import static java.util.Objects.requireNonNull;

import dev.outbox.handler.Event;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What happened to an order, in plain words. */
record OrderMessage(String subject, String text) {

    private static final Map<String, String> NEWS = Map.of(
            "order.created", "has been received",
            "order.shipped", "has been shipped",
            "order.backordered", "is waiting for stock",
            "order.reopened", "is being prepared again",
            "order.canceled", "has been canceled");

    /** The event types there are words for. */
    static final Set<String> TYPES = NEWS.keySet();

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(
                    "d MMMM uuuu, HH:mm 'UTC'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);

    static OrderMessage of(Event event, OrderChange change, String clientName) {
        String subject = "Order " + event.key() + " " + requireNonNull(NEWS.get(event.type()), event.type());
        return new OrderMessage(
                subject, """
                Hello %s,

                %s.

                Items: %d
                Time: %s
                """.formatted(clientName, subject, change.items(), TIME.format(event.occurredAt())));
    }
}
