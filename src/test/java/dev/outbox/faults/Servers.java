package dev.outbox.faults;

import dev.outbox.TestDatabase;
import dev.outbox.database.TestServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.springframework.util.FileSystemUtils;

/** The PostgreSQL of the scenarios, a process that they may kill; and a database of its own for each. */
final class Servers {

    /** Orders of the demo data, numbered from 1. */
    static final int ORDERS = 5_000;

    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final String TEMPLATE = "faults_template";

    private Servers() {}

    /** Started when first asked for, stopped at the end of this JVM. */
    /** What was ever committed to the log, whoever removes it later. Those that are moved to a partition keep what they were recorded as. */
    private static final String RECORD = """
            create table faults_event (id bigint primary key, key text not null, type text not null);
            create function faults_event() returns trigger language plpgsql as $$
            begin
                insert into public.faults_event
                values (new.id, new.aggregate_type || '/' || new.aggregate_id, new.type);
                return null;
            end
            $$;
            create trigger record after insert on outbox.event for each row execute function faults_event();
            """;

    static TestServer shared() {
        return Shared.SERVER;
    }

    /** With what services start. */
    static ClassArchive archive() {
        return Shared.ARCHIVE;
    }

    /** With what the scenarios need: two-phase commits, few connections, the smallest queue of notifications. */
    static TestServer make(Path directory) {
        try {
            TestServer server = new TestServer(directory);
            TestDatabase admin = server.database("postgres");
            admin.execute("alter system set max_prepared_transactions = 10");
            admin.execute("alter system set max_connections = 120");
            if (admin.number("show server_version_num") >= 170_000) {
                admin.execute("alter system set max_notify_queue_pages = 64");
            }
            server.stopFast();
            server.start();
            awaitAnswer(admin, Duration.ofSeconds(30));
            admin.execute("create database " + TEMPLATE);
            TestDatabase template = server.database(TEMPLATE);
            template.migrate(ORDERS);
            template.execute("""
                    create table faults_count (
                        number bigint generated always as identity, counter text not null, event_id bigint not null,
                        key text not null)
                    """);
            template.execute(RECORD);
            StaleCheckpoint.record(template);
            return server;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** A new database with the schema, on the server. */
    static TestDatabase fresh(TestServer server, String options) {
        TestDatabase database = server.database("faults_" + COUNT.incrementAndGet());
        server.database("postgres")
                .execute("create database " + database.name() + " template " + TEMPLATE + " " + options);
        return database;
    }

    static void drop(TestServer server, TestDatabase database) {
        server.database("postgres").execute("drop database " + database.name() + " with (force)");
    }

    static void awaitAnswer(TestDatabase database, Duration atMost) {
        await(() -> answers(database), atMost, "PostgreSQL");
    }

    static boolean answers(TestDatabase database) {
        try (Connection connection = database.connect()) {
            return connection.isValid(2);
        } catch (SQLException notYet) {
            return false;
        }
    }

    static void await(BooleanSupplier condition, Duration atMost, String what) {
        await(condition, atMost, () -> what);
    }

    static void await(BooleanSupplier condition, Duration atMost, Supplier<String> what) {
        if (!waitFor(condition, atMost)) {
            throw new IllegalStateException("Waited in vain for " + what.get());
        }
    }

    /** Whether the condition came to hold in time. */
    static boolean waitFor(BooleanSupplier condition, Duration atMost) {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
        return true;
    }

    private static final class Shared {

        private static final Path DIRECTORY = directory();
        static final TestServer SERVER = start();
        static final ClassArchive ARCHIVE = archive();

        private static Path directory() {
            try {
                return Files.createTempDirectory("outbox-faults");
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        private static TestServer start() {
            TestServer server = make(DIRECTORY.resolve("server"));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, DIRECTORY)));
            return server;
        }

        private static ClassArchive archive() {
            TestDatabase database = fresh(SERVER, "");
            ClassArchive archive = ClassArchive.make(DIRECTORY, database);
            drop(SERVER, database);
            return archive;
        }

        private static void stop(TestServer server, Path directory) {
            try {
                server.close();
                FileSystemUtils.deleteRecursively(directory);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
