package dev.outbox.faults;

import dev.outbox.database.TestServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** There is no room: on the disk, for a connection, in the queue of notifications. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class RoomFaultTests {

    private static final long RECOVERED_WITHIN = 10_000;

    /** The log is in the same database, so a change that finds no room fails with its event; what is committed is delivered. */
    @Test
    void theDiskIsFull() throws Exception {
        String scenario = "disk full";
        Servers.shared(); // the first server of a JVM brings the programs for all, which must not lie on the small disk
        Path small = Files.createTempDirectory("outbox-small");
        if (run("mount", "-t", "tmpfs", "-o", "size=500m,mode=0755", "tmpfs", small.toString()) != 0) {
            Findings.add(Finding.skipped(15, scenario, "no right to mount a small file system"));
            Assumptions.abort("no right to mount a small file system");
        }
        try {
            try (TestServer server = Servers.make(small);
                    Rig rig = new Rig(15, scenario, server, "")) {
                rig.start().awaitPort();
                rig.write();
                for (int i = Lane.times(2, 10); i > 0; i--) {
                    fillTheDisk(rig, small.resolve("filler"));
                }
                rig.require(rig.writers().errors() > 0, "the disk was never full");
                rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
                rig.settle("writes refused " + rig.writers().errors() + " times");
            }
        } finally {
            run("umount", "-l", small.toString());
            Files.deleteIfExists(small);
        }
    }

    private static void fillTheDisk(Rig rig, Path filler) throws Exception {
        rig.pause(500, 1_500);
        int errors = rig.writers().errors();
        rig.inject();
        fill(filler);
        Servers.waitFor(
                () -> {
                    fill(filler); // what a checkpoint of the server gave back
                    return rig.writers().errors() > errors;
                },
                Duration.ofSeconds(20));
        rig.pause(1_000, 2_000);
        Files.delete(filler);
        if (!Servers.waitFor(() -> Servers.answers(rig.database), Duration.ofSeconds(5))) {
            rig.server.start(); // it gave up; whoever runs it starts it again
            Servers.awaitAnswer(rig.database, Rig.SOON);
        }
        rig.times.add(rig.awaitNews(process -> true, Rig.SOON));
    }

    private static void fill(Path filler) {
        try (FileChannel file = FileChannel.open(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            for (int size = 1 << 20; size > 0; size /= 16) {
                fill(file, size);
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void fill(FileChannel file, int size) {
        try {
            while (true) {
                file.write(ByteBuffer.allocate(size));
            }
        } catch (IOException full) {
            // what was wanted
        }
    }

    @Test
    void noConnectionIsLeft() throws Exception {
        try (Rig rig = new Rig(16, "connections exhausted")) {
            rig.start().awaitPort();
            rig.write();
            for (int i = Lane.times(1, 3); i > 0; i--) {
                exhaustConnections(rig);
            }
            rig.require(
                    rig.writers().errors() == 0,
                    "a writer failed " + rig.writers().errors() + " times");
            rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
            rig.settle("ms to recover; the writers' errors " + rig.writers().errors());
        }
    }

    /** Others take every connection, also those that the service has lost in the meantime. */
    private static void exhaustConnections(Rig rig) throws Exception {
        rig.pause(500, 1_500);
        List<Connection> others = new ArrayList<>();
        try (Connection admin = rig.server.database("postgres").connect();
                Statement statement = admin.createStatement()) {
            rig.inject();
            long until = System.nanoTime() + Duration.ofSeconds(5).toNanos();
            while (System.nanoTime() < until) {
                take(rig, others);
                statement.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = '"
                        + rig.database.name() + "' and application_name like 'outbox%'");
                take(rig, others);
                rig.pause(20, 50);
            }
        } finally {
            for (Connection other : others) {
                other.close();
            }
        }
        rig.times.add(rig.awaitNews(process -> true, Rig.SOON));
    }

    private static void take(Rig rig, List<Connection> others) {
        try {
            while (true) {
                others.add(rig.server.database("postgres").connect());
            }
        } catch (SQLException exhausted) {
            // what was wanted
        }
    }

    @Test
    void theQueueOfNotificationsIsFull() throws Exception {
        String scenario = "notify queue full";
        if (Servers.shared().database("postgres").number("show server_version_num") < 170_000) {
            String why = "before PostgreSQL 17 the queue has 8 GB";
            Findings.add(Finding.skipped(17, scenario, why));
            Assumptions.abort(why);
        }
        try (Rig rig = new Rig(17, scenario)) {
            rig.start().awaitPort();
            rig.write();
            long gap = 0;
            for (int i = Lane.times(1, 3); i > 0; i--) {
                gap = Math.max(gap, fillTheQueue(rig));
            }
            rig.require(
                    rig.writers().errors() == 0,
                    "a writer failed " + rig.writers().errors() + " times");
            rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
            rig.settle("longest time without a delivery meanwhile %d ms; the writers' errors %d"
                    .formatted(gap, rig.writers().errors()));
        }
    }

    /** A session that listens and stays in a transaction holds back the tail of the queue. */
    private static long fillTheQueue(Rig rig) throws Exception {
        rig.pause(500, 1_500);
        try (Connection stuck = rig.database.connect();
                Statement statement = stuck.createStatement()) {
            statement.execute("listen faults");
            stuck.setAutoCommit(false);
            statement.execute("select 1");
            rig.inject();
            long since = Rig.micros();
            for (int i = 0; i < 5; i++) {
                rig.require(isFull(rig), "the queue was not full");
                rig.pause(1_000, 1_001);
            }
            long gap = rig.longestGap(since);
            stuck.rollback();
            statement.execute("unlisten *");
            stuck.commit();
            rig.times.add(rig.awaitNews(process -> true, Rig.SOON));
            return gap;
        }
    }

    private static boolean isFull(Rig rig) throws SQLException {
        try (Connection connection = rig.database.connect();
                Statement statement = connection.createStatement()) {
            for (int i = 0; i < 10_000; i++) {
                statement.execute("select pg_notify('faults', repeat('x', 7000) || " + i + ")");
            }
            return false;
        } catch (SQLException full) {
            return full.getMessage().contains("NOTIFY queue");
        }
    }

    private static int run(String... words) throws IOException, InterruptedException {
        return new ProcessBuilder(words).inheritIO().start().waitFor();
    }
}
