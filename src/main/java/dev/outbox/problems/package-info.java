/** What clients are told when something is wrong: RFC 9457 problem details, for every answer of the API. */
@NullMarked
package dev.outbox.problems;

import org.jspecify.annotations.NullMarked;
