package dev.outbox.bench;

/**
 * How much is measured.
 *
 * @param size a factor on counts and times; 1 is what the bars are about
 * @param pairs how many rounds of each side count
 * @param smoke whether only ratios are looked at, with generous bars
 */
record Settings(double size, int pairs, int warmUps, boolean smoke) {

    /** From the system properties bench.size and bench.pairs. */
    static Settings read() {
        return new Settings(
                Double.parseDouble(System.getProperty("bench.size", "1")),
                Integer.getInteger("bench.pairs", 5),
                Integer.getInteger("bench.warm-ups", 1),
                false);
    }

    /** Small enough to be run with every build. */
    static Settings ofSmoke() {
        return new Settings(0.1, 3, 1, true);
    }

    int count(int atFullSize) {
        return (int) Math.max(1_000, size * atFullSize);
    }

    int seconds(int atFullSize) {
        return (int) Math.max(1, Math.round(size * atFullSize));
    }

    int orders() {
        return Math.min(500_000, count(500_000));
    }
}
