package dev.outbox.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A Java to run the service on. */
record Jvm(String java, int release) {

    /** Named by the system property bench.java, the one of this process if that is empty. */
    static Jvm chosen() {
        String named = System.getProperty("bench.java", "");
        return named.isEmpty() ? own() : new Jvm(named, release(named));
    }

    static Jvm own() {
        return new Jvm(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                Runtime.version().feature());
    }

    String name() {
        return "JDK " + release;
    }

    List<String> command(String... arguments) {
        return Stream.concat(Stream.of(java), Stream.of(arguments)).toList();
    }

    /** Runs it to its end. @return what it wrote */
    static String output(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(new ArrayList<>(command)).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException(output);
            }
            return output;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static int release(String java) {
        String name = "java.specification.version = ";
        return output(List.of(java, "-XshowSettings:properties", "-version"))
                .lines()
                .map(String::strip)
                .filter(line -> line.startsWith(name))
                .mapToInt(line -> Integer.parseInt(line.substring(name.length())))
                .findFirst()
                .orElseThrow();
    }
}
