package dev.outbox.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs the compared sides in turn, A B A B …, after rounds that do not count. */
final class Pairs {

    private final Settings settings;

    Pairs(Settings settings) {
        this.settings = settings;
    }

    /** Runs a round of each side to warm up, then as many as the settings say. */
    Result run(String title, List<Side> sides, List<Bar> bars) throws Exception {
        Map<String, List<List<Value>>> rounds = new LinkedHashMap<>();
        for (int i = -settings.warmUps(); i < settings.pairs(); i++) {
            for (Side side : sides) {
                List<Value> values = side.work().round();
                System.out.printf("%s, %s, %s: %s%n", title, side.name(), i < 0 ? "warm-up" : i + 1, line(values));
                if (i >= 0) {
                    rounds.computeIfAbsent(side.name(), name -> new ArrayList<>()).add(values);
                }
            }
        }
        List<Result.Measured> measured = new ArrayList<>();
        rounds.forEach((side, done) -> measured.addAll(measured(side, done)));
        return Result.of(title, measured, bars, settings.smoke());
    }

    private static List<Result.Measured> measured(String side, List<List<Value>> rounds) {
        List<Result.Measured> measured = new ArrayList<>();
        for (int i = 0; i < rounds.get(0).size(); i++) {
            int index = i;
            Value first = rounds.get(0).get(i);
            double[] amounts = rounds.stream()
                    .mapToDouble(values -> values.get(index).amount())
                    .toArray();
            measured.add(Result.Measured.of(side, first.name(), first.unit(), amounts));
        }
        return measured;
    }

    private static String line(List<Value> values) {
        List<String> parts = new ArrayList<>();
        values.forEach(value -> parts.add(value.name() + " " + Text.figure(value.amount()) + " " + value.unit()));
        return String.join(", ", parts);
    }
}
