package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** With processes of their own, since that is what shares, leaves and finds a server. */
@Timeout(120)
class EmbeddedDatabaseIntegrationTests {

    @TempDir
    Path directory;

    private final List<Holder> holders = new ArrayList<>();

    @AfterEach
    void end() throws Exception {
        for (Holder holder : holders) {
            holder.close();
        }
        if (serverFile().toFile().exists()) { // all were killed: the next to close stops it
            hold().close();
        }
    }

    @Test
    void theLastToCloseStopsTheServerAndTheDataAreKept() throws Exception {
        Holder first = hold();
        execute(first.port, "create table kept (value int)", "insert into kept values (42)");

        Holder second = hold();
        assertThat(second.port).isEqualTo(first.port);
        first.close();
        assertThat(value(second.port, "select value from kept")).isEqualTo("42");
        second.close();
        assertThat(serverFile()).doesNotExist();

        Holder again = hold();
        assertThat(again.port).isEqualTo(first.port);
        assertThat(value(again.port, "select value from kept")).isEqualTo("42");
    }

    @Test
    void theServerOfAKilledProcessIsFound() throws Exception {
        Holder killed = hold();
        String server = Files.readAllLines(serverFile()).get(0);
        killed.kill();

        Holder next = hold();
        assertThat(next.port).isEqualTo(killed.port);
        assertThat(Files.readAllLines(serverFile()).get(0)).isEqualTo(server);
        next.close();
        assertThat(serverFile()).doesNotExist();
    }

    @Test
    void whatAKilledServerLeavesIsNoObstacle() throws Exception {
        Holder killed = hold();
        execute(killed.port, "create table kept (value int)", "insert into kept values (42)");
        ProcessHandle server = ProcessHandle.of(
                        Long.parseLong(Files.readAllLines(serverFile()).get(0)))
                .orElseThrow();
        killed.kill();
        server.destroyForcibly();
        server.onExit().get(20, TimeUnit.SECONDS);
        // The machine was restarted, and the number is another program's: this one's.
        List<String> lines = new ArrayList<>(Files.readAllLines(serverFile()));
        lines.set(0, Long.toString(ProcessHandle.current().pid()));
        Files.write(serverFile(), lines);

        assertThat(value(hold().port, "select value from kept")).isEqualTo("42");
    }

    @Test
    void theServerIsDurable() throws Exception {
        Holder holder = hold();
        assertThat(value(holder.port, "show fsync")).isEqualTo("on");
        assertThat(value(holder.port, "show synchronous_commit")).isEqualTo("on");
        assertThat(value(holder.port, "show full_page_writes")).isEqualTo("on");
    }

    @Test
    void aNumberThatAnotherPostgresHasByNowIsNoObstacle() throws Exception {
        Holder left = hold();
        execute(left.port, "create table kept (value int)", "insert into kept values (42)");
        left.close();
        Path elsewhere = directory.resolve("elsewhere");
        Holder other = hold(elsewhere);
        Files.copy(elsewhere.resolve("data").resolve("postmaster.pid"), serverFile());

        assertThat(value(hold().port, "select value from kept")).isEqualTo("42");
        assertThat(value(other.port, "select current_database()")).isEqualTo("outbox");
    }

    private Holder hold() throws IOException {
        return hold(directory);
    }

    private Holder hold(Path inDirectory) throws IOException {
        Holder holder = new Holder(inDirectory);
        holders.add(holder);
        return holder;
    }

    private Path serverFile() {
        return directory.resolve("data").resolve("postmaster.pid");
    }

    private static void execute(int port, String... statements) throws SQLException {
        try (Connection connection = connect(port);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }

    private static String value(int port, String sql) throws SQLException {
        try (Connection connection = connect(port);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    private static Connection connect(int port) throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/outbox", "postgres", "");
    }

    private static final class Holder {

        final Process process;
        final int port;

        Holder(Path directory) throws IOException {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("java.class.path"),
                            EmbeddedDatabaseHolder.class.getName(),
                            directory.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            BufferedReader output = process.inputReader();
            String line = output.readLine();
            while (line != null && !line.startsWith("port ")) {
                line = output.readLine();
            }
            assertThat(line).as("the holder's port").isNotNull();
            port = Integer.parseInt(line.substring("port ".length()));
        }

        void kill() throws InterruptedException {
            process.destroyForcibly().waitFor();
        }

        void close() throws IOException, InterruptedException {
            process.getOutputStream().close();
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                kill();
            }
        }
    }
}
