package dev.outbox.relay;

import dev.outbox.TestDatabase;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A pgbouncer in front of a test's database, as Debian packages it. */
final class PgBouncer implements AutoCloseable {

    private static final Path PROGRAM = Path.of("/usr/sbin/pgbouncer");

    private static final String SETTINGS = """
            [databases]
            * = host=%s port=%d user=%s password=%s
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = %d
            unix_socket_dir =
            auth_type = any
            pool_mode = %s
            default_pool_size = 30
            ignore_startup_parameters = extra_float_digits, search_path, default_transaction_isolation, statement_timeout, lock_timeout, idle_session_timeout, idle_in_transaction_session_timeout, enable_seqscan, enable_bitmapscan, jit, max_parallel_workers_per_gather, plan_cache_mode, tcp_keepalives_idle, tcp_keepalives_interval, tcp_user_timeout, options
            """;

    private final Process process;
    private final TestDatabase database;

    PgBouncer(Path directory, TestDatabase behind, String mode) throws IOException {
        int port = freePort();
        database = new TestDatabase("127.0.0.1", port, behind.name());
        Path settings = Files.writeString(
                directory.resolve("pgbouncer.ini"),
                SETTINGS.formatted(behind.host(), behind.port(), TestDatabase.USER, TestDatabase.PASSWORD, port, mode));
        List<String> command = new ArrayList<>();
        if (System.getProperty("user.name").equals("root")) {
            command.addAll(List.of("unshare", "-U")); // pgbouncer refuses root
        }
        command.addAll(List.of(PROGRAM.toString(), settings.toString()));
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("pgbouncer.log").toFile())
                .start();
        Deliveries.await(this::answers, Duration.ofSeconds(10), "pgbouncer");
    }

    static boolean isInstalled() {
        return Files.isExecutable(PROGRAM);
    }

    TestDatabase database() {
        return database;
    }

    private boolean answers() {
        try (Socket socket = new Socket(database.host(), database.port())) {
            return socket.isConnected();
        } catch (IOException refused) {
            return false;
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Override
    public void close() {
        process.destroy();
    }
}
