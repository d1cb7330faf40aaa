/** Tables as sources of events: what captures their changes, and whether it does. */
@NullMarked
package dev.outbox.capture;

import org.jspecify.annotations.NullMarked;
