/** What people look at: health, the start-up lines, what happened to an order. */
@NullMarked
package dev.outbox.operations;

import org.jspecify.annotations.NullMarked;
