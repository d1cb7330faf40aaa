/** What may be written into a log line. Knows nobody, and everybody may know it. */
@NullMarked
package dev.outbox.logging;

import org.jspecify.annotations.NullMarked;
