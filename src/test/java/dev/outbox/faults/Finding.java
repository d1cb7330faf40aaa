package dev.outbox.faults;

import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * What a scenario found.
 *
 * @param order where it stands in the table
 * @param skipped why it was not run; empty if it was
 * @param repeatsAtOnce the most events that came again after one injection
 * @param repeatsBound the most that may
 * @param found its own bars and what was measured, in words
 * @param times to take over or to recover, in ms
 * @param wrong what does not hold; empty if all does
 */
record Finding(
        int order,
        String scenario,
        String skipped,
        int injections,
        long ok,
        long unknown,
        long failed,
        int delivered,
        int lost,
        int swapped,
        int repeatsAtOnce,
        int repeatsBound,
        List<Long> times,
        String found,
        List<String> wrong) {

    static Finding skipped(int order, String scenario, String why) {
        return new Finding(order, scenario, why, 0, 0, 0, 0, 0, 0, 0, 0, 0, List.of(), "", List.of());
    }

    String line() {
        if (!skipped.isEmpty()) {
            return "fault: %s, seed %d, skipped: %s".formatted(scenario, Lane.SEED, skipped);
        }
        return ("fault: %s, seed %d, injections %d, ok %d, unknown %d, failed %d, delivered %d, lost %d, order %d,"
                        + " repeats %d of %s, ms p50/p99/max %s%s, %s")
                .formatted(
                        scenario,
                        Lane.SEED,
                        injections,
                        ok,
                        unknown,
                        failed,
                        delivered,
                        lost,
                        swapped,
                        repeatsAtOnce,
                        bound("any"),
                        percentiles(),
                        found.isEmpty() ? "" : ", " + found,
                        wrong.isEmpty() ? "holds" : "DOES NOT HOLD: " + wrong);
    }

    String row() {
        return skipped.isEmpty()
                ? "| %s | %d | %d / %d / %d | %d | %d | %d | %d of %s | %s | %s | %s |"
                        .formatted(
                                scenario,
                                injections,
                                ok,
                                unknown,
                                failed,
                                delivered,
                                lost,
                                swapped,
                                repeatsAtOnce,
                                bound("any"),
                                percentiles(),
                                found,
                                wrong.isEmpty() ? "holds" : "does not hold: " + String.join("; ", wrong))
                : "| %s | 0 | | | | | | | | skipped: %s |".formatted(scenario, skipped);
    }

    String json() {
        return String.format(
                Locale.ROOT,
                "{\"scenario\": %s, \"lane\": %s, \"seed\": %d, \"skipped\": %s, \"injections\": %d, \"ok\": %d, \"unknown\": %d,"
                        + " \"failed\": %d, \"delivered\": %d, \"lost\": %d, \"order\": %d, \"repeats\": %d,"
                        + " \"repeatsBound\": %s, \"p50\": %d, \"p99\": %d, \"max\": %d, \"found\": %s, \"wrong\": [%s]}",
                quoted(scenario),
                quoted(Lane.name()),
                Lane.SEED,
                quoted(skipped),
                injections,
                ok,
                unknown,
                failed,
                delivered,
                lost,
                swapped,
                repeatsAtOnce,
                bound("null"),
                percentile(50),
                percentile(99),
                percentile(100),
                quoted(found),
                String.join(", ", wrong.stream().map(Finding::quoted).toList()));
    }

    private String bound(String none) {
        return repeatsBound == Integer.MAX_VALUE ? none : Integer.toString(repeatsBound);
    }

    private String percentiles() {
        return times.isEmpty() ? "–" : percentile(50) + " / " + percentile(99) + " / " + percentile(100);
    }

    private long percentile(int percent) {
        if (times.isEmpty()) {
            return 0;
        }
        List<Long> sorted = times.stream().sorted().toList();
        return sorted.get(Math.max(0, (sorted.size() * percent + 99) / 100 - 1));
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }

    static long max(List<Long> times) {
        return times.isEmpty() ? 0 : Collections.max(times);
    }
}
