package dev.outbox.shop.orders;

/**
 * An item of an order.
 *
 * @param price in minor units of the currency
 * @param currency ISO 4217
 */
record OrderItem(long id, String name, long price, String currency) {}
