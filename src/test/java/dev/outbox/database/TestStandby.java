package dev.outbox.database;

import dev.outbox.TestDatabase;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A second server that follows a first one by streaming its log, until it is cut off and promoted. */
public final class TestStandby implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final TestServer primary;
    private final Path data;
    private final File output;
    private final int port;

    /** Copies the data of the primary, which is stopped for it and started again. */
    public TestStandby(TestServer primary, Path directory) throws Exception {
        this.primary = primary;
        this.data = directory.toRealPath().resolve("data");
        this.output = directory.resolve("server.log").toFile();
        this.port = freePort();
        primary.stopFast();
        copy(primary.data.path(), data);
        primary.start();
        await("the primary", () -> answers(primary.database()));
        Files.createFile(data.resolve("standby.signal"));
        Files.writeString(
                data.resolve("postgresql.auto.conf"),
                "primary_conninfo = 'host=127.0.0.1 port=%d user=postgres'%nhot_standby = on%n"
                        .formatted(primary.database().port()));
        start();
    }

    public TestDatabase database() {
        return new TestDatabase("127.0.0.1", port, primary.database().name());
    }

    /** Returns when the standby has what the primary has written by now. */
    public void awaitCaughtUp() {
        String written = primary.database().value("select pg_current_wal_insert_lsn()");
        await(
                "the standby's replay",
                () -> database()
                        .value("select coalesce(pg_last_wal_replay_lsn() >= '" + written + "'::pg_lsn, false)")
                        .equals("t"));
    }

    /** Ends the stream: what the primary writes from now on is lost to this server. */
    public void cutOff() {
        database().execute("alter system set primary_conninfo = ''");
        database().execute("select pg_reload_conf()");
        await(
                "the end of the stream",
                () -> primary.database()
                        .value("select count(*) from pg_stat_replication")
                        .equals("0"));
    }

    /** Returns when it accepts writes. */
    public void promote() {
        database().execute("select pg_promote()");
        await(
                "the promotion",
                () -> database().value("select pg_is_in_recovery()").equals("f"));
    }

    @Override
    public void close() throws Exception {
        TestServer.run(output, pgCtl(), "stop", "-D", data.toString(), "-m", "immediate", "-w")
                .waitFor();
    }

    private void start() throws IOException {
        String command = primary.command
                .replace("\"" + primary.data.path() + "\"", "\"" + data + "\"")
                .replace("\"" + primary.database().port() + "\"", "\"" + port + "\"");
        TestServer.run(output, "sh", "-c", "exec " + command);
        await("the standby", () -> answers(database()));
    }

    private String pgCtl() throws IOException {
        return primary.data.pgCtl().toString();
    }

    /** All but the file that says that a server runs there. */
    static void copy(Path from, Path to) throws IOException {
        List<Path> files;
        try (Stream<Path> walk = Files.walk(from)) {
            files = walk.toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString();
            if (!name.equals("postmaster.pid")) {
                Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static boolean answers(TestDatabase database) {
        try (Connection connection = database.connect()) {
            return connection.isValid(2);
        } catch (SQLException notYet) {
            return false;
        }
    }

    private static void await(String what, BooleanSupplier met) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!met.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Waited in vain for " + what);
            }
            LockSupport.parkNanos(20_000_000);
        }
    }
}
