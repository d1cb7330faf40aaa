package dev.outbox.shop.orders;

import org.jspecify.annotations.Nullable;

/** Which orders are asked for; null stands for all. */
record OrderFilter(@Nullable OrderStatus status, @Nullable Long clientId) {}
