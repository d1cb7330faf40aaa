package dev.outbox.bench;

import java.util.Arrays;
import java.util.Locale;

/** What was measured, put shortly. */
final class Figures {

    private Figures() {}

    /** Median (lowest to highest). */
    static String spread(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return String.format(
                Locale.ROOT, "%,.0f (%,.0f to %,.0f)", sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
    }

    /** The percentiles of nanoseconds, in milliseconds. */
    static String percentiles(long[] nanos) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return String.format(
                Locale.ROOT,
                "p50 %.2f ms, p99 %.2f ms, max %.2f ms of %d",
                at(sorted, 0.5),
                at(sorted, 0.99),
                at(sorted, 1),
                sorted.length);
    }

    private static double at(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(share * sorted.length))] / 1e6;
    }
}
