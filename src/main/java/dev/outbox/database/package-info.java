/** Connections to PostgreSQL: how they are made, bounded and given up, and the server that is embedded when none is configured. */
@NullMarked
package dev.outbox.database;

import org.jspecify.annotations.NullMarked;
