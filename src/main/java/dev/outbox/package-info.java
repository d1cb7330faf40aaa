/** A row changes in PostgreSQL, and what must follow happens. */
@NullMarked
package dev.outbox;

import org.jspecify.annotations.NullMarked;
