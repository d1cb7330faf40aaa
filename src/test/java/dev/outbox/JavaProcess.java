package dev.outbox;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A program of this class path in a process of its own: what a signal can kill, freeze and thaw. */
public final class JavaProcess implements AutoCloseable {

    private final Process process;
    private final List<String> lines = new ArrayList<>();
    private boolean ended;

    public JavaProcess(Class<?> program, Map<String, String> environment, String... arguments) throws IOException {
        this(program, List.of("-Xmx256m"), environment, arguments);
    }

    public JavaProcess(Class<?> program, List<String> options, Map<String, String> environment, String... arguments)
            throws IOException {
        this(Place.HERE, program, options, environment, arguments);
    }

    /**
     * Starts it.
     *
     * @param place whose launcher has to become the program, so that signals reach it
     * @param options of the JVM; a class path among them replaces that of this process
     */
    public JavaProcess(
            Place place, Class<?> program, List<String> options, Map<String, String> environment, String... arguments)
            throws IOException {
        List<String> command = new ArrayList<>(place.launcher());
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                classPath()));
        command.addAll(options);
        command.add(program.getName());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        process = builder.start();
        Thread reader = new Thread(this::read, "output of " + process.pid());
        reader.setDaemon(true);
        reader.start();
    }

    /** Waits until it has written a line with a part that fits, and returns that part's first group. */
    public String await(Pattern part, Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        synchronized (lines) {
            for (int next = 0; ; next++) {
                while (next == lines.size()) {
                    long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                    if (ended || left <= 0) {
                        throw new IllegalStateException("No line with " + part + " in\n" + String.join("\n", lines));
                    }
                    lines.wait(left);
                }
                Matcher matcher = part.matcher(lines.get(next));
                if (matcher.find()) {
                    return matcher.groupCount() == 0 ? matcher.group() : matcher.group(1);
                }
            }
        }
    }

    public String output() {
        synchronized (lines) {
            return String.join("\n", lines);
        }
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** SIGTERM, and waits until it has ended. */
    public boolean stop(Duration atMost) throws InterruptedException {
        process.destroy();
        return process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** SIGKILL; returns when it is gone. */
    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** SIGTERM: it is asked to end; does not wait until it has. */
    public void terminate() {
        process.destroy();
    }

    /** Waits until it is gone, and returns how it ended. */
    public int awaitEnd(Duration atMost) throws InterruptedException {
        if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("It runs on: " + output());
        }
        return process.exitValue();
    }

    /** SIGSTOP: it is there, and does nothing. */
    public void freeze() throws Exception {
        signal("-STOP");
    }

    /** SIGCONT */
    public void thaw() throws Exception {
        signal("-CONT");
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }

    /** Of this process; without the empty entry that Surefire leaves at the end, which would mean the working directory. */
    public static String classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.isEmpty())
                .collect(Collectors.joining(File.pathSeparator));
    }

    private void signal(String signal) throws Exception {
        int exit = new ProcessBuilder("kill", signal, Long.toString(process.pid()))
                .inheritIO()
                .start()
                .waitFor();
        if (exit != 0) {
            throw new IllegalStateException("kill " + signal + " ended with " + exit);
        }
    }

    private void read() {
        try (BufferedReader output = process.inputReader()) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                add(line);
            }
        } catch (IOException killed) {
            // the end of the output
        }
        synchronized (lines) {
            ended = true;
            lines.notifyAll();
        }
    }

    private void add(String line) {
        synchronized (lines) {
            lines.add(line);
            lines.notifyAll();
        }
    }
}
