/** What becomes of pages: events go to a handler in order per key; those that fail are parked, and stored with the checkpoint. */
@NullMarked
package dev.outbox.dispatch;

import org.jspecify.annotations.NullMarked;
