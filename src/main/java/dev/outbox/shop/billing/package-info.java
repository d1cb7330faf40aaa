/** Charges a client for each shipped order, exactly once. */
@NullMarked
package dev.outbox.shop.billing;

import org.jspecify.annotations.NullMarked;
