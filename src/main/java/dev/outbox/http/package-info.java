/** What the routers share: parameters, bodies, keyset pages, and the answer to a method that is not there. */
@NullMarked
package dev.outbox.http;

import org.jspecify.annotations.NullMarked;
