package dev.outbox.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Keeps what the scenarios of a run found: a line for each at once, the table at the end, and target/faults.json and faults.md. */
final class Findings implements BeforeAllCallback {

    private static final Path TARGET = Path.of("target");
    private static final List<Finding> ALL = new ArrayList<>();

    static synchronized void add(Finding finding) {
        System.out.println(finding.line());
        ALL.add(finding);
        ALL.sort(Comparator.comparingInt(Finding::order));
        write(
                "faults.json",
                "[\n  " + String.join(",\n  ", ALL.stream().map(Finding::json).toList()) + "\n]\n");
        write("faults.md", table() + "\n");
    }

    /** The store of the whole run closes what is in it when the last class has ended. */
    @Override
    public void beforeAll(ExtensionContext context) {
        context.getRoot().getStore(ExtensionContext.Namespace.GLOBAL).computeIfAbsent("fault table", any ->
                (AutoCloseable) () -> System.out.println(table()));
    }

    private static synchronized String table() {
        List<String> rows = new ArrayList<>(List.of(
                "Faults, lane " + Lane.name() + ", seed " + Lane.SEED + ":",
                "",
                "| fault | injections | ok / unknown / failed | delivered | lost | order | repeats | p50 / p99 / max ms | found | |",
                "|---|---|---|---|---|---|---|---|---|---|"));
        ALL.forEach(finding -> rows.add(finding.row()));
        return String.join("\n", rows);
    }

    private static void write(String name, String text) {
        try {
            Files.createDirectories(TARGET);
            Files.writeString(TARGET.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
