package dev.outbox.bench;

import java.util.Locale;

/** How figures and findings read. */
final class Text {

    private Text() {}

    static String figure(double amount) {
        double size = Math.abs(amount);
        return String.format(Locale.ROOT, size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : "%.2f", amount);
    }

    static String spread(Spread spread) {
        return figure(spread.median()) + " (" + figure(spread.lowest()) + " to " + figure(spread.highest()) + ")";
    }

    static String verdict(Result.Verdict verdict, boolean smoke) {
        Bar bar = verdict.bar();
        String what = bar.other() == null
                ? bar.value() + " of " + bar.side()
                : bar.value() + " of " + bar.side() + " over " + bar.other();
        return what + (bar.sense() == Bar.Sense.AT_LEAST ? " ≥ " : " ≤ ")
                + figure(smoke ? bar.smoke() : bar.bound()) + (bar.other() == null ? "" : " ×") + ": "
                + figure(verdict.figure()) + (verdict.holds() ? ", met" : ", NOT MET");
    }
}
