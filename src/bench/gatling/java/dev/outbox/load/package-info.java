/** Load on a service that runs already: see src/docs/performance.md. */
package dev.outbox.load;
