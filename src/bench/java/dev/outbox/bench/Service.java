package dev.outbox.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The service under test, in a process of its own; what it writes is in target/bench.log. */
record Service(Process process, int port) implements AutoCloseable {

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** On that database, with further beans; returns when it answers. */
    static Service start(Database database, Class<?>... beans) throws IOException, InterruptedException {
        return launch(database.serviceProperties(), beans).awaitReady();
    }

    /** As above, with flags of the JVM and without waiting. */
    static Service launch(List<String> flags, Class<?>... beans) throws IOException {
        return launch(Jvm.chosen(), flags, beans);
    }

    static Service launch(Jvm jvm, List<String> flags, Class<?>... beans) throws IOException {
        List<String> arguments = new ArrayList<>(flags);
        arguments.addAll(List.of("-cp", System.getProperty("java.class.path"), ServiceProcess.class.getName()));
        for (Class<?> bean : beans) {
            arguments.add(bean.getName());
        }
        return of(jvm.command(arguments.toArray(String[]::new)));
    }

    /** As the command starts it, at a port that is told by the environment. */
    static Service of(List<String> command) throws IOException {
        int port;
        try (ServerSocket socket = new ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        Path.of("target", "bench.log").toFile()));
        builder.environment().put("SERVER_PORT", Integer.toString(port));
        builder.environment().put("LOGGING_LEVEL_DEV_OUTBOX", "warn");
        return new Service(builder.start(), port);
    }

    /** Waits for its first answer. */
    Service awaitReady() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + Duration.ofMinutes(5).toNanos();
        while (System.nanoTime() < deadline && process.isAlive()) {
            if (answers()) {
                return this;
            }
            LockSupport.parkNanos(5_000_000);
        }
        close();
        throw new IOException("The service did not start, see target/bench.log");
    }

    private boolean answers() throws InterruptedException {
        try {
            return call("GET", "/orders?limit=1", "").statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    String get(String path) throws IOException, InterruptedException {
        return call("GET", path, "").body();
    }

    void post(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = call("POST", path, "{}");
        if (response.statusCode() / 100 != 2) {
            throw new IOException(path + ": " + response.body());
        }
    }

    private HttpResponse<String> call(String method, String path, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .header("Content-Type", "application/json")
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
                .build();
        return CLIENT.send(request, BodyHandlers.ofString());
    }

    /** Nothing is delivered until {@link #resume}; what was in flight has ended. */
    void pause(Database database, String subscription) throws Exception {
        String condition = "from outbox.subscription where name = '" + subscription + "'";
        database.await("select count(*) = 1 " + condition);
        post("/subscriptions/" + subscription + "/pause");
        database.await("select paused_at is not null " + condition);
    }

    /** Puts a paused subscription before the first event. */
    static void rewind(Database database, String subscription) throws Exception {
        database.execute("delete from outbox.checkpoint where subscription = '" + subscription + "'");
    }

    void resume(String subscription) throws IOException, InterruptedException {
        post("/subscriptions/" + subscription + "/resume");
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
