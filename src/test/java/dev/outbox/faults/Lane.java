package dev.outbox.faults;

import java.util.Random;

/**
 * How much is injected, and by which dice. {@code -Dfaults.factor} is {@code long}, or a number that the short lane is multiplied by, 1
 * if it is not given; {@code -Dfaults.seed} repeats the dice of a run.
 */
final class Lane {

    static final long SEED = Long.getLong("faults.seed", System.nanoTime() & 0xffff_ffffL);

    private static final String FACTOR = System.getProperty("faults.factor", "1");

    private Lane() {}

    static boolean isLong() {
        return FACTOR.equals("long");
    }

    /** How often something is done. */
    static int times(int inShort, int inLong) {
        return isLong() ? inLong : Math.max(1, (int) Math.round(inShort * Double.parseDouble(FACTOR)));
    }

    /** Dice of a scenario's own, so that it can be repeated alone. */
    static Random dice(String scenario) {
        return new Random(SEED * 31 + scenario.hashCode());
    }

    static String name() {
        return isLong() ? "long" : "short × " + FACTOR;
    }
}
