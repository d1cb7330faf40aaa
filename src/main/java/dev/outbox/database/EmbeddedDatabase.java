package dev.outbox.database;

import io.r2dbc.spi.ConnectionFactoryOptions;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;

/**
 * A real PostgreSQL of this project's own, for when none is configured: the server program comes with the build, its data stays
 * in one directory, and it is as durable as any.
 *
 * <p>Several processes may use the directory at once: the first starts the server, the last to close stops it. They agree by two
 * locks on one file, which the operating system gives up when a process is killed: {@link #STARTING_OR_STOPPING} and
 * {@link #IN_USE}. A killed process leaves the server running; the next one finds it.
 */
final class EmbeddedDatabase implements R2dbcConnectionDetails, AutoCloseable {

    private static final Log log = LogFactory.getLog(EmbeddedDatabase.class);

    private static final String NAME = "outbox";

    /** The byte of the lock file that one process holds alone while it starts or stops the server. */
    private static final long STARTING_OR_STOPPING = 0;

    /** The byte of the lock file that every process shares while it uses the server. */
    private static final long IN_USE = 1;

    private final EmbeddedServer server;
    private final FileChannel locks;
    private final FileLock use;
    private final int port;

    @SuppressWarnings("try") // the lock is held, not used
    private EmbeddedDatabase(Path directory, FileChannel locks) throws IOException {
        this.server = new EmbeddedServer(directory);
        this.locks = locks;
        try (FileLock alone = locks.lock(STARTING_OR_STOPPING, 1, false)) {
            this.port = server.findOrStart(isUsed());
            this.use = locks.lock(IN_USE, 1, true);
            createDatabase(directory);
        }
    }

    /**
     * Finds the server of the directory or starts it, creating what is missing; returns when it answers.
     *
     * @throws NoDatabaseException if it can't be started here
     */
    static EmbeddedDatabase open(Path directory) {
        requirePermittedUser(directory);
        try {
            Files.createDirectories(directory);
            Path real = directory.toRealPath();
            FileChannel locks = FileChannel.open(
                    real.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                return new EmbeddedDatabase(real, locks);
            } catch (IOException | RuntimeException | Error e) {
                locks.close();
                throw e;
            }
        } catch (IOException e) {
            throw failure(directory.toAbsolutePath(), e);
        }
    }

    @Override
    public ConnectionFactoryOptions getConnectionFactoryOptions() {
        return ConnectionFactoryOptions.builder()
                .option(ConnectionFactoryOptions.DRIVER, "postgresql")
                .option(ConnectionFactoryOptions.HOST, EmbeddedServer.HOST)
                .option(ConnectionFactoryOptions.PORT, port)
                .option(ConnectionFactoryOptions.DATABASE, NAME)
                .option(ConnectionFactoryOptions.USER, EmbeddedServer.USER)
                .option(ConnectionFactoryOptions.PASSWORD, "")
                .build();
    }

    int port() {
        return port;
    }

    /** Stops the server if no other process uses it. Its connections should be closed before. */
    @Override
    @SuppressWarnings("try") // the lock is held, not used
    public void close() throws IOException {
        try (FileChannel closing = locks;
                FileLock alone = closing.lock(STARTING_OR_STOPPING, 1, false)) {
            use.release();
            if (!isUsed()) {
                server.stop();
                log.info("Embedded PostgreSQL stopped");
            }
        }
    }

    /** By another process. */
    private boolean isUsed() throws IOException {
        try (FileLock free = locks.tryLock(IN_USE, 1, false)) {
            return free == null;
        }
    }

    private void createDatabase(Path directory) throws IOException {
        try (Connection connection = EmbeddedServer.connect(port, "postgres");
                Statement statement = connection.createStatement()) {
            try (ResultSet rows = statement.executeQuery("select from pg_database where datname = '" + NAME + "'")) {
                if (rows.next()) {
                    return;
                }
            }
            statement.execute("create database " + NAME);
        } catch (SQLException e) {
            throw NoDatabaseException.embedded(
                    directory.resolve("data"),
                    "has a server that does not make the database " + NAME + ": " + e.getMessage(),
                    "Make it by hand.",
                    e);
        }
    }

    private static void requirePermittedUser(Path directory) {
        if ("root".equals(System.getProperty("user.name"))
                && System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                && !LinuxUtils.isUnshareAvailable()) {
            throw NoDatabaseException.embedded(
                    directory.toAbsolutePath(),
                    "would have a server that refuses to run as root",
                    "Start as another user, or permit 'unshare -U', which this system does not.",
                    null);
        }
    }

    /** In words where the system's are none: the message of some exceptions is the path alone. */
    private static NoDatabaseException failure(Path directory, IOException cause) {
        Path path = cause instanceof FileSystemException failure && failure.getFile() != null
                ? Path.of(failure.getFile()).toAbsolutePath()
                : directory;
        String remedy = "Set outbox.embedded.directory to a directory that this user may write to.";
        if (cause instanceof FileAlreadyExistsException) {
            return NoDatabaseException.embedded(path, "is no directory", remedy, cause);
        }
        if (cause instanceof AccessDeniedException) {
            return NoDatabaseException.embedded(path, "may not be written or read by this user", remedy, cause);
        }
        String reason = cause instanceof FileSystemException failure && failure.getReason() != null
                ? failure.getReason()
                : String.valueOf(cause.getMessage());
        return NoDatabaseException.embedded(path, "can't be used: " + reason, remedy, cause);
    }
}
