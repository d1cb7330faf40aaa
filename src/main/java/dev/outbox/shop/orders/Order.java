package dev.outbox.shop.orders;

import java.time.Instant;

/**
 * An order without its items.
 *
 * @param version counts the changes, from 1
 */
record Order(long id, long clientId, OrderStatus status, long version, Instant createdAt, Instant updatedAt) {

    /** A strong entity tag: the items of an order never change, so the version stands for both representations. */
    String etag() {
        return "\"" + version + "\"";
    }
}
