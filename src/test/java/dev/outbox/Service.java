package dev.outbox;

import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The whole application in a process of its own, on a test's database. */
public final class Service implements AutoCloseable {

    private static final Pattern STARTED = Pattern.compile("API +http://\\S+:(\\d+)");
    private static final Duration START_WITHIN = Duration.ofMinutes(2);

    private final Place place;
    private final JavaProcess process;

    public Service(TestDatabase database) throws IOException {
        this(OutboxApplication.class, database, List.of("-Xmx256m"), Map.of());
    }

    public Service(Class<?> program, TestDatabase database, List<String> options, Map<String, String> settings)
            throws IOException {
        this(Place.HERE, program, database, options, settings);
    }

    /**
     * Starts it.
     *
     * @param program starts the application
     * @param options of the JVM
     * @param settings more of them, as environment variables
     */
    public Service(
            Place place, Class<?> program, TestDatabase database, List<String> options, Map<String, String> settings)
            throws IOException {
        this.place = place;
        Map<String, String> environment = new HashMap<>(Map.of(
                "SERVER_PORT",
                "0",
                "SPRING_R2DBC_URL",
                database.r2dbcUrl(),
                "SPRING_R2DBC_USERNAME",
                TestDatabase.USER,
                "SPRING_R2DBC_PASSWORD",
                TestDatabase.PASSWORD));
        environment.putAll(settings);
        process = new JavaProcess(place, program, options, environment);
    }

    /** Waits until it answers requests, and returns the port. */
    public int awaitPort() throws InterruptedException {
        return Integer.parseInt(process.await(STARTED, START_WITHIN));
    }

    /** Where it listens, once it answers. */
    public String url() throws InterruptedException {
        return "http://" + place.addressForUs() + ":" + awaitPort();
    }

    public Place place() {
        return place;
    }

    public void kill() throws InterruptedException {
        process.kill();
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public void freeze() throws Exception {
        process.freeze();
    }

    public void thaw() throws Exception {
        process.thaw();
    }

    /** SIGTERM, and waits until it has ended; answers whether it did in time. */
    public boolean stop(Duration atMost) throws InterruptedException {
        return process.stop(atMost);
    }

    public String output() {
        return process.output();
    }

    @Override
    public void close() throws InterruptedException {
        process.close();
    }
}
