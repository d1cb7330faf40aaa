package dev.outbox.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the rounds of the compared sides have shown. */
record Result(String title, List<Measured> measured, List<Ratio> ratios, List<Verdict> verdicts) {

    /** One value of one side, round by round. */
    record Measured(String side, String value, String unit, List<Double> rounds, Spread spread) {

        static Measured of(String side, String value, String unit, double... rounds) {
            return new Measured(side, value, unit, Arrays.stream(rounds).boxed().toList(), Spread.of(rounds));
        }
    }

    /** A side's value over another side's. */
    record Ratio(String value, String side, String other, double ofMedians, Spread ofPairs) {}

    record Verdict(Bar bar, double figure, boolean holds) {}

    /** Of percentiles, p50 and p99 are compared. */
    private static final List<String> NO_RATIO = List.of("p90", "p99.9", "max");

    /** The first side is compared with each of the others, if any bar is about how they compare. */
    static Result of(String title, List<Measured> measured, List<Bar> bars, boolean smoke) {
        boolean compares = bars.stream().anyMatch(bar -> bar.other() != null);
        List<Ratio> ratios = compares ? ratios(measured) : List.of();
        List<Verdict> verdicts = new ArrayList<>();
        for (Bar bar : bars) {
            if (!smoke || bar.smoke() > 0) {
                double figure = figure(measured, bar);
                verdicts.add(new Verdict(bar, figure, bar.holds(figure, smoke)));
            }
        }
        return new Result(title, measured, ratios, verdicts);
    }

    boolean holds() {
        return verdicts.stream().allMatch(Verdict::holds);
    }

    private static List<Ratio> ratios(List<Measured> measured) {
        List<Ratio> ratios = new ArrayList<>();
        String first = measured.get(0).side();
        for (Measured other : measured) {
            Measured one = find(measured, first, other.value());
            if (one != null && !other.side().equals(first) && !NO_RATIO.contains(other.value())) {
                ratios.add(ratio(one, other));
            }
        }
        return ratios;
    }

    private static Ratio ratio(Measured one, Measured other) {
        double[] pairs = new double[one.rounds().size()];
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = one.rounds().get(i) / other.rounds().get(i);
        }
        return new Ratio(
                one.value(),
                one.side(),
                other.side(),
                one.spread().median() / other.spread().median(),
                Spread.of(pairs));
    }

    private static double figure(List<Measured> measured, Bar bar) {
        Measured one = require(measured, bar.side(), bar.value());
        String other = bar.other();
        return other == null
                ? one.spread().median()
                : ratio(one, require(measured, other, bar.value())).ofPairs().median();
    }

    private static Measured require(List<Measured> measured, String side, String value) {
        Measured found = find(measured, side, value);
        if (found == null) {
            throw new IllegalArgumentException("No " + value + " of " + side);
        }
        return found;
    }

    private static @Nullable Measured find(List<Measured> measured, String side, String value) {
        return measured.stream()
                .filter(each -> each.side().equals(side) && each.value().equals(value))
                .findFirst()
                .orElse(null);
    }
}
