package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.Service;
import dev.outbox.TestDatabase;
import io.r2dbc.pool.ConnectionPool;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Defaults of the database that were meant for other sessions. */
class SessionIntegrationTests {

    private final TestDatabase server = TestDatabase.fresh();

    @Test
    void sessionsSetWhatTheyRelyOn() {
        set(
                "search_path = nowhere",
                "statement_timeout = '50ms'",
                "lock_timeout = '1ms'",
                "idle_session_timeout = '1s'");
        set("default_transaction_isolation = serializable", "idle_in_transaction_session_timeout = '50ms'");
        ConnectionPool pool = TestConnections.to(server).pool("test", 1, Map.of("lock_timeout", "7s"));
        List<String> values = new Database(pool, Duration.ofSeconds(20))
                .query(row -> row.get(0, String.class), """
                        select concat_ws(' ', current_setting('search_path'), current_setting('statement_timeout'),
                               current_setting('lock_timeout'), current_setting('idle_session_timeout'),
                               current_setting('transaction_isolation'), current_setting('idle_in_transaction_session_timeout'),
                               current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'),
                               current_setting('tcp_user_timeout'))""")
                .block(Duration.ofSeconds(20));
        pool.dispose();
        assertThat(values).containsExactly("public 20s 7s 0 read committed 30s 10 5 20000");
    }

    @Test
    void twoThatStartTogetherOnAnEmptyDatabaseBothComeUpWhateverItsDefaults() throws Exception {
        TestDatabase empty = empty();
        for (String setting : List.of("search_path = nowhere", "statement_timeout = '50ms'")) {
            empty.execute("alter database " + empty.name() + " set " + setting);
        }
        try (Service one = new Service(empty);
                Service other = new Service(empty)) {
            assertThat(one.awaitPort()).isPositive();
            assertThat(other.awaitPort()).isPositive();
        }
    }

    @Test
    void aSchemaThatCannotBeMadeIsOneReadableLine() throws Exception {
        TestDatabase empty = empty();
        empty.execute("alter database " + empty.name() + " set default_transaction_read_only = on");
        try (Service service = new Service(empty)) {
            assertThatThrownBy(service::awaitPort)
                    .hasMessageContaining("schema could not be brought up to date")
                    .hasMessageContaining("SQLSTATE 25006");
            assertThat(Pattern.compile("^\\s+at ", Pattern.MULTILINE)
                            .matcher(service.output())
                            .find())
                    .as("a stack trace")
                    .isFalse();
        }
    }

    @Test
    void theSchemaIsOneInstancesAtATime() throws Exception {
        try (Connection one = server.connect();
                Connection other = server.connect();
                SchemaLock held = new SchemaLock(Duration.ofSeconds(20));
                SchemaLock late = new SchemaLock(Duration.ofMillis(300))) {
            held.acquire(one);
            assertThatThrownBy(() -> late.acquire(other))
                    .isInstanceOf(NoDatabaseException.class)
                    .hasMessageContaining("Another instance");
            held.close();
            late.acquire(other);
        }
    }

    private void set(String... settings) {
        for (String setting : settings) {
            server.execute("alter database " + server.name() + " set " + setting);
        }
    }

    private TestDatabase empty() {
        String name = server.name() + "_empty";
        server.execute("create database " + name);
        return new TestDatabase(server.host(), server.port(), name);
    }
}
