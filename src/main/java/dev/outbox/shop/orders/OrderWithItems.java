package dev.outbox.shop.orders;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;

/** An order with its items, in order of their ids. */
record OrderWithItems(@JsonUnwrapped Order order, List<OrderItem> items) {}
