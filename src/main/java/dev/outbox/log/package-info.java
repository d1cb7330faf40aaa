/** The durable log: events, read in windows of visibility, and the checkpoints of those who read. It knows tables and no handler. */
@NullMarked
package dev.outbox.log;

import org.jspecify.annotations.NullMarked;
