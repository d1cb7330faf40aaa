package dev.outbox.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One figure of one round. */
record Value(String name, String unit, double amount) {

    /** Amounts for a count within a time. */
    static Value rate(String name, double count, double seconds) {
        return new Value(name, "/s", count / seconds);
    }

    /** What p50 to max of waits are, in milliseconds. */
    static List<Value> percentiles(long[] nanos) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        List<Value> values = new ArrayList<>();
        for (String name : List.of("p50", "p90", "p99", "p99.9")) {
            values.add(new Value(name, "ms", at(sorted, Double.parseDouble(name.substring(1)) / 100)));
        }
        values.add(new Value("max", "ms", at(sorted, 1)));
        return values;
    }

    private static double at(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(share * sorted.length))] / 1e6;
    }
}
