/** The engine: wakes when the bell rings, reads the log and hands each event to the subscriptions, in order per key. */
@NullMarked
package dev.outbox.relay;

import org.jspecify.annotations.NullMarked;
