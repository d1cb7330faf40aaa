/** Backlogs drained by peers of the outbox: see src/docs/performance.md. */
package dev.outbox.peers;
