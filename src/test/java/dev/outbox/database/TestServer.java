package dev.outbox.database;

import dev.outbox.Place;
import dev.outbox.TestDatabase;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A PostgreSQL of a test's own, as durable as the embedded one: to be stopped, killed and started again on its port. */
public final class TestServer implements AutoCloseable {

    private final EmbeddedDatabase embedded;
    final ServerDirectory data;
    final String command;
    private final File output;
    private Place place = Place.HERE;
    private String elsewhere = "";

    public TestServer(Path directory) throws IOException {
        embedded = EmbeddedDatabase.open(directory);
        data = new ServerDirectory(directory.toRealPath().resolve("data"));
        command = Files.readString(data.path().resolve("postmaster.opts")).trim();
        output = directory.resolve("server.log").toFile();
    }

    public TestDatabase database() {
        return database("outbox");
    }

    /** Another database of this server. */
    public TestDatabase database(String name) {
        return new TestDatabase(place.addressForUs(), embedded.port(), name);
    }

    /**
     * From now on it runs there, with the same port; does not wait until it answers.
     *
     * @param trusted the addresses from which it takes connections without asking
     */
    public void moveTo(Place there, List<String> trusted) throws Exception {
        stopFast();
        place = there;
        elsewhere = " -c 'listen_addresses=*' -c unix_socket_directories=";
        List<String> lines = trusted.stream()
                .map(addresses -> "host all all " + addresses + " trust")
                .toList();
        Files.write(data.path().resolve("pg_hba.conf"), lines, StandardOpenOption.APPEND);
        start();
    }

    /** Where it keeps its data. */
    public Path data() {
        return data.path();
    }

    /** What it said. */
    public Path output() {
        return output.toPath();
    }

    /** Ends all sessions, then the server: pg_ctl stop -m fast. */
    public void stopFast() throws Exception {
        stop("fast");
    }

    /** Without a checkpoint, so that the next start recovers: pg_ctl stop -m immediate. */
    public void stopImmediately() throws Exception {
        stop("immediate");
    }

    private void stop(String mode) throws Exception {
        int exit = run(data.pgCtl().toString(), "stop", "-D", data.path().toString(), "-m", mode, "-w")
                .waitFor();
        if (exit != 0) {
            throw new IllegalStateException("pg_ctl stop ended with " + exit);
        }
    }

    /** SIGKILL to the postmaster; returns when its last child is gone too, for until then the data is in use. */
    public void kill() throws Exception {
        String id = Files.readAllLines(data.path().resolve("postmaster.pid")).get(0);
        ProcessHandle postmaster = ProcessHandle.of(Long.parseLong(id.trim())).orElseThrow();
        List<ProcessHandle> children = postmaster.children().toList();
        postmaster.destroyForcibly();
        postmaster.onExit().get(20, TimeUnit.SECONDS);
        for (ProcessHandle child : children) {
            child.onExit().get(20, TimeUnit.SECONDS);
        }
    }

    /** With the command line of the first time; does not wait until it answers. */
    public void start() throws IOException {
        start(output, place.launcher(), "sh", "-c", "exec " + command + elsewhere);
    }

    @Override
    public void close() throws IOException {
        embedded.close();
    }

    private Process run(String... words) throws IOException {
        return run(output, words);
    }

    static Process run(File output, String... words) throws IOException {
        return start(output, List.of(), words);
    }

    private static Process start(File output, List<String> launcher, String... words) throws IOException {
        List<String> line = new ArrayList<>(launcher);
        if (LinuxUtils.isUnshareAvailable()) {
            line.addAll(List.of("unshare", "-U")); // PostgreSQL refuses root
        }
        line.addAll(List.of(words));
        return new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(output))
                .start();
    }
}
