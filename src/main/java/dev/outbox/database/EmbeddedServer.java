package dev.outbox.database;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/** The server of one directory: found, made, started and stopped by whoever holds the directory's lock. */
final class EmbeddedServer {

    static final String HOST = "127.0.0.1";
    static final String USER = "postgres";

    private static final Log log = LogFactory.getLog(EmbeddedDatabase.class);

    /** Tried first when the directory is new; later the port of last time is, so that a psql line stays valid. */
    private static final int PORT = 15432;

    /** Includes the recovery after a crash of the machine. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** SQLSTATE of the driver's own when the server asks for a password and there is none. */
    private static final String REJECTED = "08004";

    /** Above what the data's own files say. */
    private static final Map<String, String> SETTINGS = Map.of(
            "fsync", "on",
            "synchronous_commit", "on",
            "max_connections", "200",
            "listen_addresses", HOST,
            "timezone", "UTC");

    private final Path directory;
    private final Path output;
    private final ServerDirectory data;

    EmbeddedServer(Path directory) {
        this.directory = directory;
        this.output = directory.resolve("server.log");
        this.data = new ServerDirectory(directory.resolve("data"));
    }

    /**
     * Finds it or starts it, making what is missing, and returns its port once it answers.
     *
     * @param used whether another process uses it
     * @throws NoDatabaseException if it can't be started here
     */
    int findOrStart(boolean used) throws IOException {
        data.requireDirectory();
        int running = awaitAnswer(used);
        if (running > 0) {
            log.info("Embedded PostgreSQL found on port " + running + ", data in " + directory);
            return running;
        }
        ServerPrograms programs = ServerPrograms.in(directory.resolve("programs"));
        if (data.isMissing()) {
            make(programs);
        }
        data.check(programs.majorVersion());
        int port = freePort();
        start(programs, port);
        requireAnswer();
        log.info("Embedded PostgreSQL started on port " + port + ", data in " + directory);
        return port;
    }

    /** Nobody else would stop what was started in vain. */
    private void requireAnswer() throws IOException {
        try {
            if (awaitAnswer(true) == 0) {
                throw refusal("has a server that ended again");
            }
        } catch (NoDatabaseException e) {
            if (data.serverIsAlive(true)) {
                stop();
            }
            throw e;
        }
    }

    void stop() throws IOException {
        String pgCtl = data.pgCtl().toString();
        if (!ServerPrograms.run(
                output, PATIENCE, pgCtl, "stop", "-D", data.path().toString(), "-m", "fast", "-w")) {
            log.warn("Embedded PostgreSQL could not be stopped, see " + output);
        }
    }

    static Connection connect(int toPort, String database) throws SQLException {
        return DriverManager.getConnection(
                "jdbc:postgresql://" + HOST + ":" + toPort + "/" + database + "?connectTimeout=2&socketTimeout=10",
                USER,
                "");
    }

    /** What it has written since; then in its own words what keeps it from starting. */
    private String complaint(long since) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(output.toFile(), "r")) {
            byte[] bytes = new byte[(int) Math.min(64 * 1024, Math.max(0, file.length() - since))];
            file.seek(since);
            file.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> line.matches(
                            ".*(FATAL|PANIC|DETAIL|HINT|ERROR|error|LOG: +(?!starting|listening|database)).*"))
                    .map(line -> line.replaceFirst("^.*?(FATAL|PANIC|DETAIL|HINT|ERROR|LOG|error): +", "")
                            .trim())
                    .collect(Collectors.joining(" "));
        }
    }

    private void make(ServerPrograms programs) throws IOException {
        Unfinished unfinished = Unfinished.of(data.path());
        long since = size(output);
        // The locale sorts alike on every machine, and needs none of its own.
        boolean made = ServerPrograms.run(
                output,
                PATIENCE,
                programs.program("initdb"),
                "--auth=trust",
                "--username=" + USER,
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--pgdata=" + unfinished.content());
        if (!made) {
            throw refusal("could not be made: " + complaint(since));
        }
        unfinished.finish();
    }

    private void start(ServerPrograms programs, int port) throws IOException {
        String options = SETTINGS.entrySet().stream()
                .map(setting -> " -c " + setting.getKey() + "=" + setting.getValue())
                .collect(Collectors.joining("", "-p " + port, ""));
        long since = size(output);
        boolean started = ServerPrograms.run(
                output,
                PATIENCE.plusSeconds(5),
                programs.program("pg_ctl"),
                "start",
                "-D",
                data.path().toString(),
                "-o",
                options,
                "-w",
                "-t",
                Long.toString(PATIENCE.toSeconds()));
        if (!started) {
            throw refusal(
                    data.serverIsAlive(true)
                            ? "has a server that did not answer within " + PATIENCE.toSeconds() + " s"
                            : "has a server that does not start: " + complaint(since));
        }
    }

    /** Its port once it answers, or 0 if it does not run. */
    private int awaitAnswer(boolean used) throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (data.serverIsAlive(used)) {
            int port = data.portOfRunning();
            if (port > 0 && answers(port)) {
                return port;
            }
            if (System.nanoTime() > deadline) {
                throw refusal("has a server that does not answer on port " + port);
            }
            pause();
        }
        return 0;
    }

    /** Whether the server on that port is the one of this directory, not some other that has the port by now. */
    private boolean answers(int port) {
        try (Connection connection = connect(port, "postgres");
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("show data_directory")) {
            return rows.next() && Files.isSameFile(data.path(), Path.of(rows.getString(1)));
        } catch (SQLException e) {
            String state = String.valueOf(e.getSQLState());
            boolean away = (state.startsWith("08") && !state.equals(REJECTED)) || state.startsWith("57");
            if (!away) {
                throw NoDatabaseException.embedded(
                        data.path(),
                        "has a server that refuses user " + USER + " without a password: " + e.getMessage(),
                        "Let its pg_hba.conf trust connections from " + HOST + ".",
                        e);
            }
            log.debug("No answer on port " + port, e);
            return false;
        } catch (IOException e) {
            log.debug("No answer on port " + port, e);
            return false;
        }
    }

    private int freePort() throws IOException {
        int preferred = data.portOfLastTime();
        int port = preferred > 0 ? preferred : PORT;
        return isFree(port) ? port : anyFreePort();
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

    private static void pause() throws IOException {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while waiting for the embedded PostgreSQL", e);
        }
    }

    private static long size(Path file) throws IOException {
        return Files.exists(file) ? Files.size(file) : 0;
    }

    private NoDatabaseException refusal(String reason) {
        return NoDatabaseException.embedded(data.path(), reason, "See the server's log: " + output + ".", null);
    }
}
