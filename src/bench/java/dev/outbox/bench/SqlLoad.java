package dev.outbox.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writers that change one order a transaction, by SQL, as fast as they can: pgbench if there is one, else {@link SqlWriters}. The
 * first transaction of a session costs tens of milliseconds, so the first seconds do not count.
 */
final class SqlLoad {

    static final int WARM_UP = 2;

    /** What both programs write once a second: how long they run, and the commits of that second. */
    private static final Pattern PROGRESS = Pattern.compile("progress: ([0-9.]+) s, ([0-9.]+) tps");

    private final Database database;
    private final @Nullable Path pgbench;

    SqlLoad(Database database) throws IOException {
        this.database = database;
        this.pgbench = pgbench();
    }

    String program() {
        return pgbench == null ? "JDBC" : "pgbench";
    }

    /** Commits a second on orders with ids from first to last, chosen at random. */
    Value run(int connections, int seconds, int first, int last) throws IOException, InterruptedException {
        List<String> command = pgbench == null
                ? List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        SqlWriters.class.getName(),
                        database.url(),
                        Integer.toString(connections),
                        Integer.toString(WARM_UP + seconds),
                        Integer.toString(first),
                        Integer.toString(last))
                : pgbench(pgbench, connections, seconds, first, last);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(output);
        }
        double mean = PROGRESS.matcher(output)
                .results()
                .filter(second -> Double.parseDouble(second.group(1)) > WARM_UP + 0.5)
                .mapToDouble(second -> Double.parseDouble(second.group(2)))
                .average()
                .orElseThrow(() -> new IOException(output));
        return new Value("commits", "/s", mean);
    }

    private List<String> pgbench(Path program, int connections, int seconds, int first, int last) throws IOException {
        Path script = Path.of("target", "bench-update.sql");
        Files.writeString(
                script,
                "\\set id random(" + first + ", " + last + ")\n" + SqlWriters.UPDATE.replace("?", ":id") + ";\n");
        return List.of(
                program.toString(),
                "--no-vacuum",
                "--protocol=prepared",
                "--client=" + connections,
                "--jobs=" + Math.min(2, connections),
                "--time=" + (WARM_UP + seconds + 1), // it may say nothing of the last second
                "--progress=1",
                "--file=" + script,
                "--host=localhost",
                "--port=" + database.port(),
                "--username=postgres",
                "postgres");
    }

    private static @Nullable Path pgbench() throws IOException {
        List<Path> found = new ArrayList<>();
        Path debian = Path.of("/usr/lib/postgresql");
        if (Files.isDirectory(debian)) {
            try (Stream<Path> versions = Files.list(debian)) {
                versions.sorted().map(version -> version.resolve("bin/pgbench")).forEach(found::add);
            }
        }
        for (String directory : System.getenv("PATH").split(":", -1)) {
            found.add(Path.of(directory, "pgbench"));
        }
        return found.stream().filter(Files::isExecutable).findFirst().orElse(null);
    }
}
