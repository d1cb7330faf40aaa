package dev.outbox.bench;

import java.util.Arrays;

/** Where the figures of several rounds lie. */
record Spread(double median, double lowest, double lowerQuartile, double upperQuartile, double highest) {

    static Spread of(double... figures) {
        double[] sorted = figures.clone();
        Arrays.sort(sorted);
        return new Spread(at(sorted, 0.5), sorted[0], at(sorted, 0.25), at(sorted, 0.75), sorted[sorted.length - 1]);
    }

    private static double at(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
