/** The end of the log: the session that hears the bell, and one reader for all subscriptions of an instance. */
@NullMarked
package dev.outbox.tail;

import org.jspecify.annotations.NullMarked;
