package dev.outbox.shop.orders;

import java.util.List;

/**
 * An order to be made.
 *
 * @param itemIds at least one, all different
 */
record NewOrder(long clientId, List<Long> itemIds) {}
