package dev.outbox.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What one run of a scenario leaves behind: a table for the reader, a file for the page. */
record Report(String scenario, boolean smoke, Map<String, String> environment, List<Result> results) {

    private static final Path DIRECTORY = Path.of("target", "bench");

    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    boolean holds() {
        return results.stream().allMatch(Result::holds);
    }

    /** Stores it, and makes the page of all that are stored anew. */
    void write() throws IOException {
        Files.createDirectories(DIRECTORY);
        Files.write(DIRECTORY.resolve(scenario + ".json"), JSON.writeValueAsBytes(this));
        Page page = new Page();
        try (var files = Files.newDirectoryStream(DIRECTORY, "*.json")) {
            for (Path file : files) {
                page.add(JSON.readValue(Files.readAllBytes(file), Report.class));
            }
        }
        Files.writeString(DIRECTORY.resolve("index.html"), page.html());
    }

    void print(PrintStream out) {
        out.printf("%n== %s%n", scenario);
        environment.forEach((name, value) -> out.printf("%-22s %s%n", name, value));
        results.forEach(result -> print(out, result));
        out.printf("%n%s%n", DIRECTORY.resolve("index.html").toAbsolutePath());
    }

    private void print(PrintStream out, Result result) {
        out.printf("%n-- %s%n", result.title());
        out.printf("%-34s %-12s %14s %14s %14s %14s %14s%n", "side", "", "median", "lowest", "quartile", "quartile", "highest");
        for (Result.Measured measured : result.measured()) {
            Spread spread = measured.spread();
            out.printf(
                    "%-34s %-12s %14s %14s %14s %14s %14s%n",
                    measured.side(),
                    measured.value() + " " + measured.unit(),
                    Text.figure(spread.median()),
                    Text.figure(spread.lowest()),
                    Text.figure(spread.lowerQuartile()),
                    Text.figure(spread.upperQuartile()),
                    Text.figure(spread.highest()));
        }
        for (Result.Ratio ratio : result.ratios()) {
            out.printf(
                    "%s of %s over %s: ratio of medians %s, of pairs %s%n",
                    ratio.value(),
                    ratio.side(),
                    ratio.other(),
                    Text.figure(ratio.ofMedians()),
                    Text.spread(ratio.ofPairs()));
        }
        result.verdicts().forEach(verdict -> out.println("bar: " + Text.verdict(verdict, smoke)));
    }
}
