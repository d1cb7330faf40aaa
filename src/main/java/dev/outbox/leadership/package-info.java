/** Which instance runs which subscription. */
@NullMarked
package dev.outbox.leadership;

import org.jspecify.annotations.NullMarked;
