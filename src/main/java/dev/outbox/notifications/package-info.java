/** Tells a client what happened to an order. */
@NullMarked
package dev.outbox.notifications;

import org.jspecify.annotations.NullMarked;
