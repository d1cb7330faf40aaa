package dev.outbox.bench;

import org.jspecify.annotations.Nullable;

/**
 * What a figure has to reach: the median of a side's value, or, with another side, of its ratio to that one's within the pairs.
 *
 * @param smoke what a ratio must reach in the smoke run; 0 where that does not look
 */
record Bar(String value, String side, @Nullable String other, Sense sense, double bound, double smoke) {

    enum Sense {
        AT_LEAST,
        AT_MOST
    }

    static Bar atLeast(double bound, String value, String side) {
        return new Bar(value, side, null, Sense.AT_LEAST, bound, 0);
    }

    static Bar atMost(double bound, String value, String side) {
        return new Bar(value, side, null, Sense.AT_MOST, bound, 0);
    }

    static Bar ratio(double bound, double smoke, String value, String side, String other) {
        return new Bar(value, side, other, Sense.AT_LEAST, bound, smoke);
    }

    static Bar ratioAtMost(double bound, String value, String side, String other) {
        return new Bar(value, side, other, Sense.AT_MOST, bound, 0);
    }

    boolean holds(double figure, boolean inSmoke) {
        return sense == Sense.AT_LEAST ? figure >= (inSmoke ? smoke : bound) : figure <= bound;
    }
}
