package dev.outbox.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Drawings in SVG. */
final class Plot {

    private static final List<String> PERCENTILES = List.of("p50", "p90", "p99", "p99.9", "max");
    private static final List<String> COLOURS = List.of("#1f6fb4", "#d1661f", "#3b8f4a", "#8a4fa3", "#9a7b1c", "#555555");

    private static final int LEFT = 230;
    private static final int WIDTH = 460;

    private Plot() {}

    static boolean isPercentile(Result.Measured measured) {
        return PERCENTILES.contains(measured.value());
    }

    /** One line for each side, from zero to the highest; a dot for each round, a stroke for the median. */
    static String dots(String value, List<Result.Measured> sides) {
        double highest = sides.stream().mapToDouble(side -> side.spread().highest()).max().orElse(1);
        double top = Math.max(highest, 0.01); // what reads as 0.00 stands at zero
        StringBuilder svg = begin(30 * sides.size() + 30);
        for (int i = 0; i < sides.size(); i++) {
            Result.Measured side = sides.get(i);
            int y = 20 + 30 * i;
            String colour = COLOURS.get(i % COLOURS.size());
            text(svg, 0, y + 4, "start", side.side());
            line(svg, LEFT, y, LEFT + WIDTH, y, "#dddddd");
            for (double round : side.rounds()) {
                dot(svg, LEFT + WIDTH * round / top, y, colour);
            }
            double median = LEFT + WIDTH * side.spread().median() / top;
            line(svg, median, y - 9, median, y + 9, colour);
            text(svg, LEFT + WIDTH + 10, y + 4, "start", Text.figure(side.spread().median()));
        }
        int foot = 30 * sides.size() + 20;
        text(svg, LEFT, foot, "middle", "0");
        text(svg, LEFT + WIDTH, foot, "middle", Text.figure(top));
        text(svg, LEFT + WIDTH / 2.0, foot, "middle", value + ", " + sides.get(0).unit());
        return svg.append("</svg>\n").toString();
    }

    /** Medians of the percentiles over the rounds, a line for each side; milliseconds on a logarithmic scale. */
    static String percentiles(List<Result.Measured> measured) {
        double low = measured.stream().mapToDouble(each -> each.spread().lowest()).min().orElse(0.1);
        double high = measured.stream().mapToDouble(each -> each.spread().highest()).max().orElse(1);
        double first = Math.floor(Math.log10(Math.max(low, 0.01)));
        double last = Math.max(first + 1, Math.ceil(Math.log10(high)));
        Map<String, StringBuilder> lines = new LinkedHashMap<>();
        StringBuilder svg = begin(250);
        for (double power = first; power <= last; power++) {
            double y = height(Math.pow(10, power), first, last);
            line(svg, LEFT, y, LEFT + WIDTH, y, "#dddddd");
            text(svg, LEFT - 8, y + 4, "end", Text.figure(Math.pow(10, power)) + " ms");
        }
        for (Result.Measured each : measured) {
            double x = LEFT + 30 + 100.0 * PERCENTILES.indexOf(each.value());
            StringBuilder points = lines.computeIfAbsent(each.side(), side -> new StringBuilder());
            String colour = COLOURS.get((lines.size() - 1) % COLOURS.size());
            points.append(number(x)).append(',').append(number(height(each.spread().median(), first, last))).append(' ');
            for (double round : each.rounds()) {
                dot(svg, x, height(round, first, last), colour);
            }
        }
        legend(svg, lines);
        PERCENTILES.forEach(name -> text(svg, LEFT + 30 + 100.0 * PERCENTILES.indexOf(name), 240, "middle", name));
        return svg.append("</svg>\n").toString();
    }

    private static void legend(StringBuilder svg, Map<String, StringBuilder> lines) {
        int i = 0;
        for (Map.Entry<String, StringBuilder> line : lines.entrySet()) {
            String colour = COLOURS.get(i % COLOURS.size());
            svg.append("<polyline fill=none stroke='" + colour + "' points='" + line.getValue() + "'/>");
            dot(svg, 6, 20 + 20 * i, colour);
            text(svg, 16, 24 + 20 * i, "start", line.getKey());
            i++;
        }
    }

    private static double height(double millis, double first, double last) {
        double place = (Math.log10(Math.max(millis, 0.01)) - first) / (last - first);
        return 220 - 200 * place;
    }

    private static StringBuilder begin(int height) {
        return new StringBuilder("<svg xmlns='http://www.w3.org/2000/svg' width='800' height='" + height + "'>\n");
    }

    private static void dot(StringBuilder svg, double x, double y, String colour) {
        svg.append("<circle r='4' fill-opacity='.55' fill='" + colour + "' cx='" + number(x) + "' cy='" + number(y) + "'/>");
    }

    private static void line(StringBuilder svg, double x, double y, double toX, double toY, String colour) {
        svg.append("<line stroke='" + colour + "' stroke-width='2' x1='" + number(x) + "' y1='" + number(y) + "' x2='"
                + number(toX) + "' y2='" + number(toY) + "'/>");
    }

    private static void text(StringBuilder svg, double x, double y, String anchor, String text) {
        svg.append("<text text-anchor='" + anchor + "' x='" + number(x) + "' y='" + number(y) + "'>")
                .append(Page.escape(text))
                .append("</text>\n");
    }

    private static String number(double coordinate) {
        return String.format(Locale.ROOT, "%.1f", coordinate);
    }
}
