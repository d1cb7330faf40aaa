/** Tells a client what happened to an order. */
@NullMarked
package dev.outbox.shop.notifications;

import org.jspecify.annotations.NullMarked;
