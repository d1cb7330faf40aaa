package dev.outbox.bench;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** A PostgreSQL of the benchmarks' own that is as durable as any (fsync and synchronous_commit on), below target. */
final class Database {

    private final int port;
    private final int orders;
    private final Path directory;

    private Database(int port, int orders, Path directory) {
        this.port = port;
        this.orders = orders;
        this.directory = directory;
    }

    /**
     * Starts the server for so many orders; it stops with this process. With wal_level = logical it has data of its own:
     * a slot that is left in them, by a run that was broken off, keeps a server of another level from starting.
     */
    @SuppressWarnings("resource") // the server stops with the process
    static Database start(int orders, boolean logical) throws IOException {
        Path directory = Path.of("target", "bench-database-" + orders + (logical ? "-logical" : ""));
        EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setDataDirectory(directory)
                .setCleanDataDirectory(false)
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("max_connections", "300")
                .setServerConfig("shared_buffers", "1GB")
                .setServerConfig("max_wal_size", "8GB")
                .setServerConfig("wal_level", logical ? "logical" : "replica")
                .setLocaleConfig("locale", "C")
                .start();
        return new Database(server.getPort(), orders, directory);
    }

    int port() {
        return port;
    }

    /** The orders have the ids from 1 to this. */
    int orders() {
        return orders;
    }

    String url() {
        return "jdbc:postgresql://localhost:" + port + "/postgres?user=postgres";
    }

    Connection connect() throws SQLException {
        return DriverManager.getConnection(url());
    }

    void execute(String... statements) throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }

    String text(String sql) throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    long number(String sql) throws SQLException {
        return Long.parseLong(text(sql));
    }

    /** The process that all others of the server come from. */
    long postmaster() throws IOException {
        return Long.parseLong(Files.readAllLines(directory.resolve("postmaster.pid")).get(0).strip());
    }

    /** As if nothing had happened: every order created, no event, no charge. No service may run. */
    void clean() throws Exception {
        if (text("select to_regclass('outbox.event') is null").equals("t")) {
            Service.start(this).close();
        }
        restoreBell();
        execute(
                "truncate outbox.event, outbox.checkpoint, outbox.parked, charges",
                "update outbox.subscription set paused_at = null, paused_by = null, pause_reason = null",
                "alter table orders disable trigger user",
                "update orders set status = 'created' where status <> 'created'",
                "alter table orders enable trigger user",
                "vacuum analyze orders",
                "checkpoint");
    }

    /** Writers ring as they do in the product. */
    void restoreBell() throws IOException, SQLException {
        try (InputStream routine = Database.class.getResourceAsStream("/db/changelog/outbox/routines/event__ring.sql")) {
            execute(
                    new String(routine.readAllBytes(), StandardCharsets.UTF_8),
                    "alter table outbox.event enable trigger ring");
        }
    }

    /** Waits until the subscriptions have done every event, so that no round pays for the one before. */
    void awaitCaughtUp(String... subscriptions) throws SQLException {
        long last = number("select coalesce(max(id), 0) from outbox.event");
        for (String subscription : subscriptions) {
            awaitDone(subscription, last);
        }
    }

    /** Waits until the subscription has done the event and all before it. */
    void awaitDone(String subscription, long event) throws SQLException {
        await(
                """
                select coalesce((
                    select case when target is null then high else last end
                    from outbox.checkpoint where subscription = '%s' order by generation desc limit 1), 0) >= %d
                """
                        .formatted(subscription, event));
    }

    /** Waits until the query says true. */
    void await(String condition) throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            while (!isTrue(statement, condition)) {
                LockSupport.parkNanos(10_000_000);
            }
        }
    }

    private static boolean isTrue(Statement statement, String condition) throws SQLException {
        try (ResultSet rows = statement.executeQuery(condition)) {
            return rows.next() && rows.getBoolean(1);
        }
    }

    /** What the service needs to know. */
    List<String> serviceProperties() {
        return List.of(
                "-Dspring.r2dbc.url=r2dbc:postgresql://localhost:" + port + "/postgres",
                "-Dspring.r2dbc.username=postgres",
                "-Dspring.liquibase.contexts=demo",
                "-Doutbox.demo.orders=" + orders);
    }
}
