package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nobody can forge an event or hide one: neither a stranger, nor a writer with the rights that README names, nor the owner by a slip. */
class ForgedEventsIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    private static final AtomicInteger COUNT = new AtomicInteger();

    private final TestDatabase database = TestDatabase.fresh();
    private final String role = "role_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet();

    ForgedEventsIntegrationTests() {
        database.execute("create role " + role);
    }

    @AfterEach
    void dropRole() {
        database.execute("drop owned by " + role + "; drop role " + role);
    }

    /** Whoever may create a temporary table could hang the capturing function on it, and billing charged an order that was not shipped. */
    @Test
    void aStrangerHasNoRightOnAnyFunctionTableOrSequence() throws SQLException {
        assertThat(database.value("""
                select coalesce(string_agg(name, ', '), '')
                from (
                    select p.oid::regprocedure::text as name
                    from pg_proc p
                    join pg_namespace n on n.oid = p.pronamespace
                    where n.nspname in ('public', 'outbox') and has_function_privilege('%1$s', p.oid, 'execute')
                    union all
                    select c.oid::regclass::text
                    from pg_class c
                    join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname in ('public', 'outbox') and (
                        (c.relkind in ('r', 'p', 'v') and (
                            has_table_privilege('%1$s', c.oid, 'select, insert, update, delete, truncate, references, trigger')
                            or has_any_column_privilege('%1$s', c.oid, 'select, insert, update, references')))
                        or (c.relkind = 'S' and has_sequence_privilege('%1$s', c.oid, 'select, usage, update')))) allowed
                """.formatted(role))).isEmpty();
        for (String function : List.of("public.orders__capture", "outbox.event__ring", "outbox.checkpoint__removed")) {
            assertThat(asRole("create temporary table mine (id bigint, status text);"
                            + "create trigger forge after insert on mine for each row execute function " + function
                            + "()"))
                    .contains("permission denied");
        }
        assertThat(asRole("select outbox.publish('order', '1', 'order.shipped', '{}')"))
                .contains("permission denied");
    }

    @ParameterizedTest
    @ValueSource(strings = {"tx", "id", "occurred_at"})
    void aWriterWithTheRightsOfTheDocumentsSetsNeitherIdNorTxNorTime(String column) {
        grantAsBefore();
        narrow();
        String value = column.equals("occurred_at") ? "now()" : "'9000000000000000'";
        assertThat(asRole("insert into outbox.event (" + column + ", aggregate_type, aggregate_id, type, payload)"
                        + " values (" + value + ", 'thing', '1', 'thing.made', '{}')"))
                .contains("permission denied");
        assertThat(asRole("insert into outbox.event (aggregate_type, aggregate_id, type, payload, headers)"
                        + " values ('thing', '1', 'thing.made', '{}', '{}')"))
                .isEmpty();
        assertThat(asRole("select setval('outbox.event_id_seq', 9000000000000000)"))
                .contains("permission denied");
    }

    @Test
    void whatAWriterPublishesIsDelivered() {
        database.execute(
                "grant usage on schema outbox to " + role + "; grant execute on function outbox.publish to " + role);
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            assertThat(asRole("select outbox.publish('thing', '7', 'thing.made', '{\"a\": 1}', '{\"b\": 2}')"))
                    .isEmpty();
            handler.awaitCount(1, SOON);
        }
        assertThat(handler.events).extracting(Event::type, Event::key).containsExactly(tuple("thing.made", "7"));
        assertThat(database.value("select payload::text || headers from outbox.event"))
                .isEqualTo("{\"a\": 1}{\"b\": 2}");
    }

    /** One such row, and no later event was ever delivered. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "(id, aggregate_type, aggregate_id, type, payload) values (9000000000000000, 'thing', '1', 'thing.made', '{}')",
                "(tx, aggregate_type, aggregate_id, type, payload) values ('9000000000000000', 'thing', '1', 'thing.made', '{}')",
                "(tx, aggregate_type, aggregate_id, type, payload) values ('3', 'thing', '1', 'thing.made', '{}')",
                "(aggregate_type, aggregate_id, type, payload) values ('thing', '1', repeat('x', 1001), '{}')",
                "(aggregate_type, aggregate_id, type, payload) values ('thing', repeat('x', 1001), 'thing.made', '{}')",
                "(aggregate_type, aggregate_id, type, payload) values ('thing', '1', 'thing.made', to_jsonb(repeat('x', 17000000)))"
            })
    void anOwnersSlipIsRefusedAndLaterEventsAreDelivered(String event) {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            assertThat(failure("insert into outbox.event " + event))
                    .containsAnyOf("not for the writer to set", "too large");
            assertThat(failure("insert into outbox.event_0 " + event))
                    .containsAnyOf("not for the writer to set", "too large");
            TestEvents.write(database, "good");
            handler.awaitCount(1, SOON);
        }
    }

    /** There was no event, however an order went. */
    @Test
    void anOrderThatIsDeletedMakesAnEventAndOrdersCannotBeTruncated() {
        database.execute("delete from order_items where order_id in (1, 2); delete from orders where id in (1, 2)");
        assertThat(database.value("select string_agg(aggregate_id || ' ' || (payload ->> 'previousStatus')"
                        + " || coalesce(payload ->> 'status', '') || (payload ->> 'version'), ', ' order by id)"
                        + " from outbox.event where type = 'order.deleted'"))
                .isEqualTo("1 created2, 2 created2");
        assertThat(failure("truncate orders cascade")).contains("can't be truncated");
    }

    /** As the README had it. */
    private void grantAsBefore() {
        database.execute("grant usage on schema outbox to " + role + "; grant insert on outbox.event to " + role
                + "; grant usage on sequence outbox.event_id_seq to " + role);
    }

    /** What the change set does to grants that were given before it. */
    private void narrow() {
        try {
            String changes = Files.readString(Path.of("db/changelog/outbox/0011-rights.sql"));
            database.execute(changes.substring(changes.indexOf("do $$"), changes.lastIndexOf("$$;") + 3));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private String asRole(String sql) {
        return failure("set role " + role + "; " + sql);
    }

    /** Why it failed; empty if it did not. */
    private String failure(String sql) {
        List<String> failures = new ArrayList<>();
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            failures.add(e.getMessage());
        }
        return String.join("", failures);
    }
}
