package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.database.Connections;
import dev.outbox.database.TestConnections;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Behind a pooler; skipped where pgbouncer is not installed. */
@EnabledIf("isInstalled")
class PoolerIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    private final TestDatabase database = TestDatabase.fresh();

    @TempDir
    private Path directory;

    static boolean isInstalled() {
        return PgBouncer.isInstalled();
    }

    @Test
    void inTransactionModeTheSessionIsFoundOutAndEventsAreDeliveredByPolling() throws Exception {
        try (PgBouncer pooler = new PgBouncer(directory, database, "transaction")) {
            assertThatThrownBy(() -> Listener.connect(RelayConfiguration.listener(through(pooler)))
                            .block(SOON))
                    .isInstanceOf(SharedSessionException.class);
            RecordingHandler handler = new RecordingHandler("recording");
            try (TestRelay relay = TestRelay.through(through(pooler), handler)) {
                Deliveries.await(() -> relay.relay.state() == Relay.State.POLLING, SOON, "polling");
                for (int i = 0; i < 20; i++) {
                    database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                            + " values ('thing', 'key', 'thing-" + i + "', '{}')");
                    String type = "thing-" + i;
                    handler.await(event -> event.type().equals(type), SOON);
                }
                assertThat(relay.relay.leads()).containsExactly("recording");
                assertThat(handler.events).hasSize(20);
            }
            assertThat(locks()).isZero();
        }
    }

    @Test
    void inSessionModeItIsAsIfThereWereNoPooler() throws Exception {
        try (PgBouncer pooler = new PgBouncer(directory, database, "session")) {
            RecordingHandler handler = new RecordingHandler("recording");
            try (TestRelay relay = TestRelay.through(through(pooler), handler)) {
                Deliveries.await(() -> relay.relay.state() == Relay.State.LEADING, SOON, "leading");
            }
        }
    }

    /** Nothing is left held in a session that others get. */
    private long locks() {
        return database.number("select count(*) from pg_locks where locktype = 'advisory' and database ="
                + " (select oid from pg_database where datname = current_database())");
    }

    /** Before 1.21 pgbouncer knows no prepared statements of a client. */
    private static Connections through(PgBouncer pooler) {
        return TestConnections.to(pooler.database().r2dbcUrl() + "?preparedStatementCacheQueries=0");
    }
}
