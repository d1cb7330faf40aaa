package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What lies in the embedded database's directory: nothing of others is deleted, and what is in the way is named at once. */
@Timeout(45) // a server that does not answer is waited for longer
class EmbeddedFilesIntegrationTests {

    private final Path directory;

    EmbeddedFilesIntegrationTests(@TempDir Path directory) throws IOException {
        this.directory = directory.toRealPath();
    }

    @Test
    void whatAKilledProcessWasMakingIsMadeAgain() throws Exception {
        Path unfinished = directory.resolve("data.unfinished");
        write(unfinished.resolve("made-by-outbox"), "");
        write(unfinished.resolve("content").resolve("PG_VERSION"), "18");

        try (EmbeddedDatabase database = EmbeddedDatabase.open(directory)) {
            assertThat(database.port()).isPositive();
        }
        assertThat(unfinished).doesNotExist();
        assertThat(data().resolve("postmaster.opts")).exists();
    }

    @Test
    void aDirectoryThatThisProgramDidNotMakeIsRefusedAndKept() throws Exception {
        Path file = write(data().resolve("base").resolve("1").resolve("1259"), "a restored page");
        write(data().resolve("postgresql.conf"), "");
        assertRefused(data(), "no complete data of a PostgreSQL", "Move it elsewhere");
        assertThat(file).hasContent("a restored page");
    }

    @Test
    void whatHasTheNameOfAnAttemptAndNoMarkIsRefusedAndKept() throws Exception {
        Path file = write(directory.resolve("data.unfinished").resolve("mine"), "of somebody else");
        assertRefused(directory.resolve("data.unfinished"), "did not make it", "Move it elsewhere");
        assertThat(file).hasContent("of somebody else");
    }

    @Test
    void programsThatAreNotCompleteAreRefusedAndKept() throws Exception {
        EmbeddedDatabase.open(directory).close();
        Path programs = onlyEntry(directory.resolve("programs"));
        Files.delete(programs.resolve(".exists"));
        assertRefused(programs, "is not complete", "Delete it");
        assertThat(programs.resolve("bin").resolve("postgres")).exists();
    }

    @Test
    void aBaseBackupStarts() throws Exception {
        try (EmbeddedDatabase database = EmbeddedDatabase.open(directory);
                Connection connection = EmbeddedServer.connect(database.port(), "outbox");
                Statement statement = connection.createStatement()) {
            statement.execute("create table kept as select 42 as value");
            statement.execute("select pg_backup_start('test', true)");
            Path restored = Files.createDirectory(directory.resolve("restored"));
            TestStandby.copy(data(), restored.resolve("data"));
            try (ResultSet label = statement.executeQuery("select labelfile from pg_backup_stop(false)")) {
                label.next();
                Files.writeString(restored.resolve("data").resolve("backup_label"), label.getString(1));
            }
            copyFiles(data().resolve("pg_wal"), restored.resolve("data").resolve("pg_wal"));
            Files.delete(restored.resolve("data").resolve("postmaster.opts"));

            try (EmbeddedDatabase again = EmbeddedDatabase.open(restored)) {
                assertThat(value(again, "select value from kept")).isEqualTo("42");
            }
        }
    }

    @Test
    void theDataOfAnotherVersionAreRefusedAtOnce() throws Exception {
        EmbeddedDatabase.open(directory).close();
        Files.writeString(data().resolve("PG_VERSION"), "9.6\n");
        assertRefused(data(), "holds the data of a PostgreSQL 9.6, and the embedded one is", "Dump them");
    }

    @Test
    void permissionsThatTheServerRefusesAreNamedAtOnce() throws Exception {
        EmbeddedDatabase.open(directory).close();
        for (String permissions : new String[] {"rwxr-xr-x", "r-x------"}) {
            Files.setPosixFilePermissions(data(), PosixFilePermissions.fromString(permissions));
            assertRefused(data(), "permissions", "chmod 700 " + data());
        }
        Files.setPosixFilePermissions(data(), PosixFilePermissions.fromString("rwx------"));
        EmbeddedDatabase.open(directory).close();
    }

    @Test
    void aFileWhereADirectoryShouldBeIsNamed() throws Exception {
        Path file = write(directory.resolve("file"), "not a directory");
        assertRefused(file, file, "is no directory", "outbox.embedded.directory");
        assertRefused(file.resolve("below"), file, "", "outbox.embedded.directory");
        Path other = Files.createDirectory(directory.resolve("other"));
        write(other.resolve("data"), "not a directory");
        assertRefused(other, other.resolve("data"), "is no directory", "Move it elsewhere");
    }

    @Test
    void aServerThatDoesNotStartIsQuotedAtOnce() throws Exception {
        EmbeddedDatabase.open(directory).close();
        Files.writeString(data().resolve("postgresql.conf"), "no_such_setting = on\n");
        assertRefused(data(), "no_such_setting", "server.log");
    }

    @Test
    void aServerThatWantsAPasswordIsNamedAtOnce() throws Exception {
        EmbeddedDatabase.open(directory).close();
        Path rules = data().resolve("pg_hba.conf");
        String trusting = Files.readString(rules);
        Files.writeString(rules, "host all all all scram-sha-256\n");
        assertRefused(data(), "refuses user postgres without a password", "pg_hba.conf");
        Files.writeString(rules, trusting);
        assertThat(new ServerDirectory(data()).portOfRunning()).isZero();
    }

    private void assertRefused(Path path, String reason, String remedy) {
        assertRefused(directory, path, reason, remedy);
    }

    private static void assertRefused(Path directory, Path path, String reason, String remedy) {
        assertThatThrownBy(() -> EmbeddedDatabase.open(directory).close())
                .isInstanceOfSatisfying(NoDatabaseException.class, refusal -> {
                    assertThat(refusal).hasMessageContaining(path.toString()).hasMessageContaining(reason);
                    assertThat(refusal.getMessage()).doesNotContain("\n");
                    assertThat(refusal.action()).contains(remedy, "spring.r2dbc.url");
                });
    }

    private Path data() {
        return directory.resolve("data");
    }

    private static Path write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static Path onlyEntry(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.toList().get(0);
        }
    }

    private static void copyFiles(Path from, Path to) throws IOException {
        try (Stream<Path> entries = Files.list(from)) {
            for (Path file : entries.filter(Files::isRegularFile).toList()) {
                Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private static String value(EmbeddedDatabase database, String sql) throws SQLException {
        try (Connection connection = EmbeddedServer.connect(database.port(), "outbox");
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }
}
