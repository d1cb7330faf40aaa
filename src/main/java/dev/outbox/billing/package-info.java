/** Charges a client for each shipped order, exactly once. */
@NullMarked
package dev.outbox.billing;

import org.jspecify.annotations.NullMarked;
