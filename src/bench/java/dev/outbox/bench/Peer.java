package dev.outbox.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Systems like the outbox, each a program in src/bench/peers that makes and drains a backlog of its own. */
enum Peer {
    DEBEZIUM("Debezium", "DebeziumDrain", 1),
    NAMASTACK("namastack-outbox", "NamastackDrain", 50),
    MODULITH("Spring Modulith", "ModulithDrain", 50);

    /** The path of the java that peers run on; that of this process if there is none. */
    static final String JAVA = System.getProperty("bench.peer-java", "");

    private static final Path BUILT = Path.of("target", "peers");

    private static final Pattern DRAINED = Pattern.compile("^drained \\d+ in (\\d+)$", Pattern.MULTILINE);

    private final String title;
    private final String program;
    private final int fraction;

    /** With a fraction of 50 it gets a fiftieth of the events. */
    Peer(String title, String program, int fraction) {
        this.title = title;
        this.program = program;
        this.fraction = fraction;
    }

    /** Those that {@code mvn -f src/bench/peers package} has built. */
    static List<Peer> built() {
        return Stream.of(values()).filter(Peer::isBuilt).toList();
    }

    boolean isBuilt() {
        return Files.exists(classPath());
    }

    String title() {
        return fraction == 1 ? title : title + ", 1/" + fraction + " of them";
    }

    Side side(Database database, int events) {
        return new Side(title(), () -> List.of(drain(database, events / fraction)));
    }

    private Value drain(Database database, int events) throws IOException, InterruptedException {
        String module = name().toLowerCase(Locale.ROOT);
        Process process = new ProcessBuilder(
                        JAVA.isEmpty() ? Path.of(System.getProperty("java.home"), "bin", "java").toString() : JAVA,
                        "-cp",
                        BUILT.resolve(module).resolve("classes") + ":" + Files.readString(classPath()),
                        "dev.outbox.peers." + module + "." + program,
                        database.url(),
                        Integer.toString(events))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        Matcher drained = DRAINED.matcher(output);
        if (process.waitFor() != 0 || !drained.find()) {
            throw new IOException(output);
        }
        return Value.rate("events", events, Long.parseLong(drained.group(1)) / 1e9);
    }

    private Path classPath() {
        return BUILT.resolve(name().toLowerCase(Locale.ROOT) + ".classpath");
    }
}
