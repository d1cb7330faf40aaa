package dev.outbox.database;

import dev.outbox.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A crash of a server on this machine, before which transactions have drawn ids that leave no trace on the disk: who writes the server's
 * log to the disk is stopped until the crash.
 */
public final class Crash implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final TestDatabase database;
    private final long walWriter;

    public Crash(TestDatabase database) throws Exception {
        this.database = database;
        this.walWriter = database.number("select pid from pg_stat_activity where backend_type = 'walwriter'");
        signal("STOP");
    }

    /** By transactions that are rolled back. */
    public void useUpTransactionIds(int count) throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            for (int i = 0; i < count; i++) {
                statement.execute("begin");
                statement.execute("select pg_current_xact_id()");
                statement.execute("rollback");
            }
        }
    }

    /** SIGKILL to one of the server's processes, so that it throws its memory away and recovers. Returns when it answers again. */
    public void now() throws Exception {
        kill(database, walWriter);
    }

    /** SIGKILL to a session's process. Returns when the server has recovered. */
    public static void ofABackend(TestDatabase database) throws Exception {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            var row = statement.executeQuery("select pg_backend_pid()");
            row.next();
            kill(database, row.getLong(1));
        } catch (SQLException closing) {
            // the connection is gone
        }
        awaitAnswer(database);
    }

    private static void kill(TestDatabase database, long process) throws Exception {
        String before = database.value("select pid from pg_stat_activity where backend_type = 'checkpointer'");
        ProcessHandle checkpointer = ProcessHandle.of(Long.parseLong(before)).orElseThrow();
        ProcessHandle.of(process).orElseThrow().destroyForcibly();
        checkpointer.onExit().get(20, TimeUnit.SECONDS);
        awaitAnswer(database);
    }

    public static void awaitAnswer(TestDatabase database) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!answers(database)) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("The server did not come back");
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    private static boolean answers(TestDatabase database) {
        try (Connection connection = database.connect()) {
            return connection.isValid(2);
        } catch (SQLException notYet) {
            return false;
        }
    }

    private void signal(String name) throws Exception {
        new ProcessBuilder("kill", "-" + name, Long.toString(walWriter)).start().waitFor();
    }

    /** If it did not come to the crash. */
    @Override
    public void close() throws Exception {
        signal("CONT");
    }
}
