package dev.outbox.bench;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * From the start of the process to its first answer, with data from a former run: the extracted jar as it is, and with the archive of
 * classes that operations.md describes.
 */
final class StartScenario implements Bench.Scenario {

    private static final String EXTERNAL = "database that runs";
    private static final String EMBEDDED = "embedded database, started too";
    private static final String FROM_ARCHIVE = ", from an archive";

    private static final Path DIRECTORY = Path.of("target", "bench-start");

    private static final List<String> EMBEDDED_PROPERTIES = List.of("-Doutbox.embedded.directory=target/bench-embedded");

    /** What mvn spring-boot:run gives the service. */
    private static final List<String> QUICK = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        Jvm jvm = Jvm.chosen();
        Path jar = extract(jvm);
        Path archive = DIRECTORY.resolve("outbox-" + jvm.release() + (jvm.release() < 25 ? ".jsa" : ".aot"));
        Files.deleteIfExists(archive);
        String make = jvm.release() < 25 ? "-XX:ArchiveClassesAtExit=" : "-XX:AOTCacheOutput=";
        String use = jvm.release() < 25 ? "-XX:SharedArchiveFile=" : "-XX:AOTCache=";
        launch(jvm, jar, EMBEDDED_PROPERTIES, make + archive).awaitReady().close();
        if (!Files.exists(archive)) {
            throw new IOException("The service left no archive, see target/bench.log");
        }
        List<Side> sides = new ArrayList<>();
        List<Bar> bars = new ArrayList<>();
        for (String from : List.of(EXTERNAL, EMBEDDED)) {
            List<String> properties = from.equals(EXTERNAL) ? database.serviceProperties() : EMBEDDED_PROPERTIES;
            sides.add(new Side(from, () -> start(jvm, jar, properties)));
            sides.add(new Side(from + FROM_ARCHIVE, () -> start(jvm, jar, properties, use + archive)));
            bars.add(Bar.atMost(from.equals(EXTERNAL) ? 3_000 : 5_000, "first answer", from + FROM_ARCHIVE));
        }
        return List.of(new Pairs(settings).run("start to the first answer, " + jvm.name(), sides, bars));
    }

    private static Path extract(Jvm jvm) throws IOException {
        Path jar = jar(Path.of("target"));
        Jvm.output(jvm.command(
                "-Djarmode=tools", "-jar", jar.toString(), "extract", "--force", "--destination", DIRECTORY.toString()));
        return jar(DIRECTORY);
    }

    private static Path jar(Path directory) throws IOException {
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(directory, "outbox-*.jar")) {
            return jars.iterator().next();
        }
    }

    private static Service launch(Jvm jvm, Path jar, List<String> properties, String... flags) throws IOException {
        List<String> all = Stream.of(QUICK.stream(), Stream.of(flags), properties.stream(), Stream.of("-jar", jar.toString()))
                .flatMap(each -> each)
                .toList();
        return Service.of(jvm.command(all.toArray(String[]::new)));
    }

    private static List<Value> start(Jvm jvm, Path jar, List<String> properties, String... flags) throws Exception {
        long began = System.nanoTime();
        try (Service service = launch(jvm, jar, properties, flags).awaitReady()) {
            List<Value> values = new ArrayList<>();
            values.add(new Value("first answer", "ms", (System.nanoTime() - began) / 1e6));
            values.add(new Value("processor", "s", ProcessTimes.cpu(service.process().toHandle())));
            values.add(new Value(
                    "resident", "MB", ProcessTimes.resident(service.process().toHandle())));
            return values;
        }
    }
}
