/** Whole-system benchmarks: see src/docs/performance.md. */
@NullMarked
package dev.outbox.bench;

import org.jspecify.annotations.NullMarked;
