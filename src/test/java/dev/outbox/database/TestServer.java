package dev.outbox.database;

import dev.outbox.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A PostgreSQL of a test's own, as durable as the embedded one: to be stopped, killed and started again on its port. */
public final class TestServer implements AutoCloseable {

    private final Path directory;
    private EmbeddedDatabase running;

    public TestServer(Path directory) {
        this.directory = directory;
        this.running = EmbeddedDatabase.open(directory);
    }

    public TestDatabase database() {
        return new TestDatabase("127.0.0.1", running.port(), "outbox");
    }

    /** Ends all sessions, then the server: pg_ctl stop -m fast. */
    public void stopFast() throws IOException {
        running.close();
    }

    /** SIGKILL to the postmaster; returns when its last child is gone too, for until then the data is in use. */
    public void kill() throws Exception {
        List<String> lines = Files.readAllLines(directory.resolve("data").resolve("postmaster.pid"));
        ProcessHandle postmaster =
                ProcessHandle.of(Long.parseLong(lines.get(0).trim())).orElseThrow();
        List<ProcessHandle> children = postmaster.children().toList();
        postmaster.destroyForcibly();
        postmaster.onExit().get(20, TimeUnit.SECONDS);
        for (ProcessHandle child : children) {
            child.onExit().get(20, TimeUnit.SECONDS);
        }
        running.close(); // gives up its locks; there is no server left to stop
    }

    public void start() {
        int port = running.port();
        running = EmbeddedDatabase.open(directory);
        if (running.port() != port) {
            throw new IllegalStateException("The server's port was " + port + " and is " + running.port());
        }
    }

    @Override
    public void close() throws IOException {
        running.close();
    }
}
