/** Partitions of the log, which come and go. */
@NullMarked
package dev.outbox.retention;

import org.jspecify.annotations.NullMarked;
