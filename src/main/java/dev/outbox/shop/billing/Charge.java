package dev.outbox.shop.billing;

import java.time.Instant;

/**
 * What a client owes for a shipped order.
 *
 * @param amount in minor units of the currency
 * @param currency ISO 4217
 */
record Charge(long id, long orderId, long clientId, long amount, String currency, Instant createdAt) {}
