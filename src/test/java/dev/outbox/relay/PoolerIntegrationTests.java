package dev.outbox.relay;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.OutboxApplication;
import dev.outbox.Service;
import dev.outbox.TestDatabase;
import dev.outbox.database.Connections;
import dev.outbox.database.TestConnections;
import dev.outbox.tail.Listener;
import dev.outbox.tail.SharedSessionException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.web.reactive.function.client.WebClient;

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
            assertThatThrownBy(() -> Listener.connect(Listener.connections(through(pooler)))
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

    /** No lock says so. */
    @Test
    void anInstanceThatPollsSaysThatItRunsTheSubscriptions() throws Exception {
        try (PgBouncer pooler = new PgBouncer(directory, database, "transaction");
                Service service = new Service(
                        OutboxApplication.class,
                        database,
                        List.of("-Xmx256m"),
                        Map.of(
                                "SPRING_R2DBC_URL",
                                url(pooler),
                                "SPRING_LIQUIBASE_URL",
                                database.jdbcUrl(),
                                "SPRING_LIQUIBASE_USER",
                                TestDatabase.USER,
                                "SPRING_LIQUIBASE_PASSWORD",
                                TestDatabase.PASSWORD))) {
            int port = service.awaitPort();
            Deliveries.await(() -> states(port).equals(Set.of("running")), SOON, "all running");
            assertThat(locks()).isZero();
        }
    }

    private static Set<String> states(int port) {
        Set<String> states = new HashSet<>();
        Matcher state = Pattern.compile("\"state\":\"([a-z-]+)\"").matcher(get(port, "/subscriptions"));
        while (state.find()) {
            states.add(state.group(1));
        }
        return states;
    }

    private static String get(int port, String path) {
        return requireNonNull(WebClient.create("http://localhost:" + port)
                .get()
                .uri(path)
                .retrieve()
                .bodyToMono(String.class)
                .block(SOON));
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

    private static Connections through(PgBouncer pooler) {
        return TestConnections.to(url(pooler));
    }

    /** Before 1.21 pgbouncer knows no prepared statements of a client. */
    private static String url(PgBouncer pooler) {
        return pooler.database().r2dbcUrl() + "?preparedStatementCacheQueries=0";
    }
}
