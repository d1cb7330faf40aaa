/** What a user of the engine implements, and what it is handed. It knows nothing of the engine. */
@NullMarked
package dev.outbox.handler;

import org.jspecify.annotations.NullMarked;
