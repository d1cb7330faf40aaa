package dev.outbox.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** A page that needs nothing but itself: every stored report with its plots. */
final class Page {

    private static final String HEAD = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <title>Outbox, measured</title>
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
            table { border-collapse: collapse; margin: 1em 0 }
            td, th { padding: .15em .8em; text-align: right; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums }
            td:first-child, th:first-child, td:nth-child(2), th:nth-child(2) { text-align: left }
            .machine td { text-align: left; border: 0; padding: 0 1em 0 0; font-size: 13px }
            .met { color: #176d2f } .missed { color: #b3261e; font-weight: bold }
            svg text { font: 12px system-ui, sans-serif; fill: #333 }
            </style>
            <h1>Outbox, measured</h1>
            <p>A dot is one round. Sides ran in turn in one run; a bar is judged by the median, ratios by the median of the pairs.</p>
            """;

    private final List<Report> reports = new ArrayList<>();

    void add(Report report) {
        reports.add(report);
    }

    String html() {
        StringBuilder html = new StringBuilder(HEAD);
        reports.sort(Comparator.comparing(Report::scenario));
        reports.forEach(report -> report(html, report));
        return html.toString();
    }

    private static void report(StringBuilder html, Report report) {
        html.append("<h2>").append(escape(report.scenario())).append("</h2>\n");
        report.results().forEach(result -> result(html, result, report.smoke()));
        html.append("<table class=machine>");
        report.environment()
                .forEach((name, value) -> html.append("<tr><td>")
                        .append(escape(name))
                        .append("<td>")
                        .append(escape(value))
                        .append('\n'));
        html.append("</table>\n");
    }

    private static void result(StringBuilder html, Result result, boolean smoke) {
        html.append("<h3>").append(escape(result.title())).append("</h3>\n<ul>\n");
        for (Result.Verdict verdict : result.verdicts()) {
            html.append("<li class=")
                    .append(verdict.holds() ? "met" : "missed")
                    .append('>')
                    .append(escape(Text.verdict(verdict, smoke)))
                    .append('\n');
        }
        html.append("</ul>\n");
        plots(html, result);
        table(html, result);
    }

    private static void plots(StringBuilder html, Result result) {
        Set<String> names = new LinkedHashSet<>();
        result.measured().stream()
                .filter(measured -> !Plot.isPercentile(measured))
                .forEach(measured -> names.add(measured.value()));
        names.forEach(name -> html.append(Plot.dots(
                name, result.measured().stream().filter(each -> each.value().equals(name)).toList())));
        List<Result.Measured> percentiles =
                result.measured().stream().filter(Plot::isPercentile).toList();
        if (!percentiles.isEmpty()) {
            html.append(Plot.percentiles(percentiles));
        }
    }

    private static void table(StringBuilder html, Result result) {
        html.append("<table><tr><th>side<th><th>median<th>lowest<th>quartile<th>quartile<th>highest\n");
        for (Result.Measured measured : result.measured()) {
            Spread spread = measured.spread();
            row(
                    html,
                    measured.side(),
                    measured.value() + ", " + measured.unit(),
                    Text.figure(spread.median()),
                    Text.figure(spread.lowest()),
                    Text.figure(spread.lowerQuartile()),
                    Text.figure(spread.upperQuartile()),
                    Text.figure(spread.highest()));
        }
        html.append("</table>\n");
        if (!result.ratios().isEmpty()) {
            html.append("<table><tr><th>ratio<th><th>of medians<th>of pairs\n");
            result.ratios()
                    .forEach(ratio -> row(
                            html,
                            ratio.side() + " / " + ratio.other(),
                            ratio.value(),
                            Text.figure(ratio.ofMedians()),
                            Text.spread(ratio.ofPairs())));
            html.append("</table>\n");
        }
    }

    private static void row(StringBuilder html, String... cells) {
        html.append("<tr>");
        for (String cell : cells) {
            html.append("<td>").append(escape(cell));
        }
        html.append('\n');
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
