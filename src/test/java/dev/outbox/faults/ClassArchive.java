package dev.outbox.faults;

import dev.outbox.JavaProcess;
import dev.outbox.Service;
import dev.outbox.TestDatabase;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.spi.ToolProvider;

/**
 * The classes of the service, loaded and verified once for all that start after it (JEP 350): a start takes three fifths of the time,
 * and most of a scenario's time goes by until its services have started. The JVM archives classes from jars only.
 */
final class ClassArchive {

    private static final Duration STOPPED_WITHIN = Duration.ofSeconds(60);

    private final String classPath;
    private final Path archive;

    private ClassArchive(String classPath, Path archive) {
        this.classPath = classPath;
        this.archive = archive;
    }

    /** Makes it from a service that starts on the database and is stopped when it answers. */
    static ClassArchive make(Path directory, TestDatabase database) {
        try {
            ClassArchive made = new ClassArchive(inJars(directory), directory.resolve("classes.jsa"));
            List<String> options = List.of("-cp", made.classPath, "-XX:ArchiveClassesAtExit=" + made.archive);
            try (Service service = new Service(TestedApplication.class, database, options, Map.of())) {
                service.awaitPort();
                service.stop(STOPPED_WITHIN);
            }
            return made;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Of the JVM that is to start with it. */
    List<String> options() {
        return List.of("-cp", classPath, "-XX:SharedArchiveFile=" + archive);
    }

    /** The class path of this process, with a jar for each directory. */
    private static String inJars(Path directory) throws IOException {
        List<String> entries = new ArrayList<>();
        for (String entry : JavaProcess.classPath().split(File.pathSeparator, -1)) {
            Path jar = directory.resolve("classes-" + entries.size() + ".jar");
            entries.add(Files.isDirectory(Path.of(entry)) ? jar(jar, entry) : entry);
        }
        return String.join(File.pathSeparator, entries);
    }

    private static String jar(Path jar, String classes) throws IOException {
        int exit = ToolProvider.findFirst("jar")
                .orElseThrow()
                .run(System.out, System.err, "--create", "--file", jar.toString(), "-C", classes, ".");
        if (exit != 0) {
            throw new IOException("jar ended with " + exit);
        }
        return jar.toString();
    }
}
