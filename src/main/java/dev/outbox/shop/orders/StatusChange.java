package dev.outbox.shop.orders;

/** A wish that an order had another status, if its version is still one of those that the client knows. */
record StatusChange(long id, OrderStatus status, Versions versions) {}
