package dev.outbox.bench;

import dev.outbox.OutboxApplication;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;
import org.springframework.context.ConfigurableApplicationContext;

/** The service under test, in this process or in one of its own. */
final class Service {

    private static final Map<String, String> SETTINGS = new TreeMap<>();

    private Service() {}

    /** In this process, with further beans, without HTTP. */
    static ConfigurableApplicationContext here(Class<?>... beans) {
        List<Class<?>> sources = new ArrayList<>(List.of(beans));
        sources.add(0, OutboxApplication.class);
        return new SpringApplicationBuilder(sources.toArray(Class<?>[]::new))
                .web(WebApplicationType.NONE)
                .run("--logging.level.dev.outbox=warn");
    }

    /** A server that is as durable as any, with 300,000 orders; it serves all scenarios but the one that measures starts. */
    static void startDatabase() throws IOException {
        EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setDataDirectory(Path.of("target", "bench-database"))
                .setCleanDataDirectory(false)
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("max_connections", "200")
                .setServerConfig("shared_buffers", "1GB")
                .setServerConfig("max_wal_size", "8GB")
                .setLocaleConfig("locale", "C")
                .start();
        SETTINGS.put("spring.r2dbc.url", "r2dbc:postgresql://localhost:" + server.getPort() + "/postgres");
        SETTINGS.put("spring.r2dbc.username", "postgres");
        SETTINGS.put("spring.liquibase.contexts", "demo");
        SETTINGS.put("outbox.demo.orders", "300000");
        SETTINGS.forEach(System::setProperty);
    }

    /** A process of its own; the load comes from this one. */
    record Elsewhere(Process process, int port) implements AutoCloseable {

        static Elsewhere start(String... flags) throws IOException {
            int port;
            try (ServerSocket socket = new ServerSocket(0)) {
                port = socket.getLocalPort();
            }
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(List.of(flags));
            SETTINGS.forEach((name, value) -> command.add("-D" + name + "=" + value));
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), OutboxApplication.class.getName()));
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(Path.of("target", "bench.log").toFile()));
            builder.environment().put("SERVER_PORT", Integer.toString(port));
            builder.environment().put("OUTBOX_EMBEDDED_DIRECTORY", "target/bench-embedded");
            builder.environment().put("LOGGING_LEVEL_DEV_OUTBOX_NOTIFICATIONS", "warn");
            return new Elsewhere(builder.start(), port);
        }

        /** Waits until it answers. */
        Elsewhere awaitReady() throws IOException {
            long deadline = System.nanoTime() + Duration.ofMinutes(3).toNanos();
            while (System.nanoTime() < deadline && process.isAlive()) {
                if (answers()) {
                    return this;
                }
                LockSupport.parkNanos(5_000_000);
            }
            throw new IOException("The service did not start, see target/bench.log");
        }

        private boolean answers() {
            try {
                HttpURLConnection connection =
                        (HttpURLConnection) URI.create("http://localhost:" + port + "/orders/1").toURL().openConnection();
                return connection.getResponseCode() == 200;
            } catch (IOException e) {
                return false;
            }
        }

        @Override
        public void close() throws InterruptedException {
            process.destroy();
            process.waitFor(30, TimeUnit.SECONDS);
        }
    }

    static String jdbcUrl(ConfigurableApplicationContext context) {
        ConnectionFactoryOptions options =
                context.getBean(R2dbcConnectionDetails.class).getConnectionFactoryOptions();
        return "jdbc:postgresql://" + options.getValue(ConnectionFactoryOptions.HOST) + ":"
                + options.getValue(ConnectionFactoryOptions.PORT) + "/"
                + options.getValue(ConnectionFactoryOptions.DATABASE) + "?user=postgres";
    }

    static void execute(String url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    static long number(String url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }
}
