/** The HTTP front: orders are read and changed. It knows nothing of the outbox: its only seam is the trigger on its table. */
@NullMarked
package dev.outbox.shop.orders;

import org.jspecify.annotations.NullMarked;
