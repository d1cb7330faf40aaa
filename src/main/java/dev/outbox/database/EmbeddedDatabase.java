package dev.outbox.database;

import io.r2dbc.spi.ConnectionFactoryOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;
import org.springframework.util.FileSystemUtils;

/**
 * A real PostgreSQL of this project's own, for when none is configured: the server program comes with the build, its data stays
 * in one directory, and it is as durable as any (the library's defaults, made for tests, are not).
 *
 * <p>Several processes may use the directory at once: the first starts the server, the last to close stops it. They agree by two
 * locks on one file, which the operating system gives up when a process is killed: {@link #STARTING_OR_STOPPING} and
 * {@link #IN_USE}. A killed process leaves the server running; the next one finds it.
 */
final class EmbeddedDatabase implements R2dbcConnectionDetails, AutoCloseable {

    private static final Log log = LogFactory.getLog(EmbeddedDatabase.class);

    private static final String HOST = "127.0.0.1";
    private static final String NAME = "outbox";
    private static final String USER = "postgres";

    /** Tried first when the directory is new; later the port of last time is, so that a psql line stays valid. */
    private static final int PORT = 15432;

    /** Includes the recovery after a crash of the machine. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** The byte of the lock file that one process holds alone while it starts or stops the server. */
    private static final long STARTING_OR_STOPPING = 0;

    /** The byte of the lock file that every process shares while it uses the server. */
    private static final long IN_USE = 1;

    private final Path directory;
    private final ServerDirectory data;
    private final FileChannel locks;
    private final FileLock use;
    private final int port;

    @SuppressWarnings("try") // the lock is held, not used
    private EmbeddedDatabase(Path directory, FileChannel locks) throws IOException {
        this.directory = directory;
        this.data = new ServerDirectory(directory.resolve("data"));
        this.locks = locks;
        try (FileLock alone = locks.lock(STARTING_OR_STOPPING, 1, false)) {
            this.port = findOrStart();
            this.use = locks.lock(IN_USE, 1, true);
            createDatabase();
        }
    }

    /**
     * Finds the server of the directory or starts it, creating what is missing; returns when it answers.
     *
     * @throws NoDatabaseException if it can't be started here
     */
    static EmbeddedDatabase open(Path directory) {
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
            throw failure(directory, e);
        }
    }

    @Override
    public ConnectionFactoryOptions getConnectionFactoryOptions() {
        return ConnectionFactoryOptions.builder()
                .option(ConnectionFactoryOptions.DRIVER, "postgresql")
                .option(ConnectionFactoryOptions.HOST, HOST)
                .option(ConnectionFactoryOptions.PORT, port)
                .option(ConnectionFactoryOptions.DATABASE, NAME)
                .option(ConnectionFactoryOptions.USER, USER)
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
            try (FileLock last = closing.tryLock(IN_USE, 1, false)) {
                if (last != null) {
                    stop();
                    log.info("Embedded PostgreSQL stopped");
                }
            }
        }
    }

    private int findOrStart() throws IOException {
        int running = awaitRunning();
        if (running > 0) {
            log.info("Embedded PostgreSQL found on port " + running + ", data in " + directory);
            return running;
        }
        removeHalfMade();
        int free = freePort();
        start(free);
        log.info("Embedded PostgreSQL started on port " + free + ", data in " + directory);
        return free;
    }

    /** The port of the server that runs on the data, once it answers; or 0 if there is none. */
    private int awaitRunning() throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (data.serverIsAlive()) {
            int candidate = data.portOfRunning();
            if (candidate > 0 && answers(candidate)) {
                return candidate;
            }
            if (System.nanoTime() > deadline) {
                throw new IOException("The server that runs on " + data.path() + " does not answer");
            }
            pause();
        }
        return 0;
    }

    /** Whether the server on that port is the one of this directory, not some other that has the port by now. */
    private boolean answers(int candidate) {
        try (Connection connection = connect(candidate, "postgres");
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("show data_directory")) {
            return rows.next() && Files.isSameFile(data.path(), Path.of(rows.getString(1)));
        } catch (SQLException | IOException e) {
            log.debug("No answer on port " + candidate, e);
            return false;
        }
    }

    /** A process that was killed while it extracted the programs or created the data leaves what is of no use. */
    private void removeHalfMade() throws IOException {
        if (!data.everServed()) {
            FileSystemUtils.deleteRecursively(data.path());
        }
        Path programs = directory.resolve("programs");
        if (Files.isDirectory(programs)) {
            try (Stream<Path> versions = Files.list(programs)) {
                for (Path version : (Iterable<Path>) versions::iterator) {
                    if (!Files.exists(version.resolve(".exists"))) {
                        FileSystemUtils.deleteRecursively(version);
                    }
                }
            }
        }
    }

    /** The returned object is not kept: who stops the server need not be who started it. */
    @SuppressWarnings("resource")
    private void start(int onPort) {
        Path output = directory.resolve("server.log");
        try {
            EmbeddedPostgres.builder()
                    .setPort(onPort)
                    .setDataDirectory(data.path())
                    .setCleanDataDirectory(false)
                    .setRegisterShutdownHook(false)
                    .setOverrideWorkingDirectory(directory.resolve("programs").toFile())
                    .setOutputRedirector(ProcessBuilder.Redirect.appendTo(output.toFile()))
                    .setPGStartupWait(PATIENCE)
                    .setServerConfig("fsync", "on")
                    .setServerConfig("synchronous_commit", "on")
                    .setServerConfig("max_connections", "200")
                    .setServerConfig("listen_addresses", HOST)
                    // Sorts alike on every machine, and needs none of its locales.
                    .setLocaleConfig("locale", "C")
                    .setLocaleConfig("locale-provider", "builtin")
                    .setLocaleConfig("builtin-locale", "C.UTF-8")
                    .start();
        } catch (IOException | RuntimeException | ExceptionInInitializerError e) {
            throw failure(directory, e);
        }
    }

    private void stop() throws IOException {
        List<String> command = new ArrayList<>();
        if (LinuxUtils.isUnshareAvailable()) {
            command.addAll(List.of("unshare", "-U")); // as it was started: PostgreSQL refuses root
        }
        command.addAll(
                List.of(data.pgCtl().toString(), "stop", "-D", data.path().toString(), "-m", "fast", "-w"));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("server.log").toFile()))
                .start();
        try {
            if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS) || process.exitValue() != 0) {
                log.warn("Embedded PostgreSQL could not be stopped, see " + directory.resolve("server.log"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void createDatabase() throws IOException {
        try (Connection connection = connect(port, "postgres");
                Statement statement = connection.createStatement()) {
            try (ResultSet rows = statement.executeQuery("select from pg_database where datname = '" + NAME + "'")) {
                if (rows.next()) {
                    return;
                }
            }
            statement.execute("create database " + NAME);
        } catch (SQLException e) {
            throw new IOException("The database " + NAME + " could not be created", e);
        }
    }

    private int freePort() throws IOException {
        int preferred = data.portOfLastTime();
        return isFree(preferred > 0 ? preferred : PORT) ? (preferred > 0 ? preferred : PORT) : anyFreePort();
    }

    private static boolean isFree(int candidate) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true); // as the server does: ends of old connections are no obstacle
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), candidate));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static int anyFreePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Connection connect(int toPort, String database) throws SQLException {
        return DriverManager.getConnection(
                "jdbc:postgresql://" + HOST + ":" + toPort + "/" + database + "?connectTimeout=2&socketTimeout=10",
                USER,
                "");
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while waiting for the embedded PostgreSQL", e);
        }
    }

    private static NoDatabaseException failure(Path directory, Throwable cause) {
        Path output = directory.resolve("server.log");
        return new NoDatabaseException(
                "No database is configured, and the embedded PostgreSQL could not be started: " + cause.getMessage()
                        + lastLines(output),
                "Set spring.r2dbc.url (or SPRING_R2DBC_URL), username and password to use a PostgreSQL of yours. "
                        + (runsAsRootWithoutNamespaces()
                                ? "Or start as a user other than root: PostgreSQL refuses root, and this system does not permit"
                                        + " 'unshare -U', which would help."
                                : "Or see the server's log: " + output.toAbsolutePath()),
                cause);
    }

    private static boolean runsAsRootWithoutNamespaces() {
        return System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                && "root".equals(System.getProperty("user.name"))
                && !LinuxUtils.isUnshareAvailable();
    }

    private static String lastLines(Path output) {
        try {
            List<String> lines = Files.readAllLines(output);
            return String.join(
                    "\n    ",
                    Stream.concat(
                                    Stream.of(""),
                                    lines.stream()
                                            .filter(line -> !line.isBlank())
                                            .skip(Math.max(0, lines.size() - 6)))
                            .toList());
        } catch (IOException e) {
            return "";
        }
    }
}
