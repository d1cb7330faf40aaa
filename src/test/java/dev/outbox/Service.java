package dev.outbox;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;

/** The whole application in a process of its own, on a test's database. */
public final class Service implements AutoCloseable {

    private static final Pattern STARTED = Pattern.compile("API +http://\\S+:(\\d+)");
    private static final Duration START_WITHIN = Duration.ofSeconds(60);

    private final JavaProcess process;

    public Service(TestDatabase database) throws IOException {
        process = new JavaProcess(
                OutboxApplication.class,
                Map.of(
                        "SERVER_PORT",
                        "0",
                        "SPRING_R2DBC_URL",
                        database.r2dbcUrl(),
                        "SPRING_R2DBC_USERNAME",
                        TestDatabase.USER,
                        "SPRING_R2DBC_PASSWORD",
                        TestDatabase.PASSWORD));
    }

    /** Waits until it answers requests, and returns the port. */
    public int awaitPort() throws InterruptedException {
        return Integer.parseInt(process.await(STARTED, START_WITHIN));
    }

    public void kill() throws InterruptedException {
        process.kill();
    }

    public String output() {
        return process.output();
    }

    @Override
    public void close() throws InterruptedException {
        process.close();
    }
}
