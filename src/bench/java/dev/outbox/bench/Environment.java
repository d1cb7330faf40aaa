package dev.outbox.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a figure depends on, to stand beside it. */
final class Environment {

    private static final List<String> SERVER =
            List.of("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "wal_level");

    private Environment() {}

    static Map<String, String> read(String scenario, Settings settings) throws IOException {
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        environment.put("commit", git("describe", "--always", "--dirty", "--abbrev=9"));
        environment.put(
                "command",
                "mvn -Pbench -Dbench=" + (settings.smoke() ? "smoke" : scenario)
                        + (settings.smoke()
                                ? ""
                                : " -Dbench.size=" + settings.size() + " -Dbench.pairs=" + settings.pairs())
                        + property("bench.java")
                        + property("bench.peer-java")
                        + " verify -DskipTests");
        environment.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
        environment.put("processor", line("/proc/cpuinfo", "model name"));
        environment.put("memory", line("/proc/meminfo", "MemTotal"));
        environment.put("load before", Files.readString(Path.of("/proc/loadavg")).strip());
        environment.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        environment.put("JDK", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
        environment.put("service on", Jvm.chosen().name());
        return environment;
    }

    static Map<String, String> of(Database database) throws SQLException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String setting : SERVER) {
            settings.put("PostgreSQL " + setting, database.text("show " + setting));
        }
        return settings;
    }

    private static String property(String name) {
        String value = System.getProperty(name, "");
        return value.isEmpty() ? "" : " -D" + name + "=" + value;
    }

    private static String line(String file, String name) throws IOException {
        return Files.readAllLines(Path.of(file)).stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("unknown");
    }

    private static String git(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("git"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }
}
