package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page query leaves the past alone, whatever the planner believes: on a million events, with each kind of plan. */
class EventLogPlanIntegrationTests {

    private static final int EVENTS = 1_000_000;
    private static final TestDatabase DATABASE = TestDatabase.fresh();

    @BeforeAll
    static void aLogOfAMillionEvents() {
        DATABASE.execute("""
                insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                select 'thing', n, 'thing.made', '{}' from generate_series(1, %d) n
                """.formatted(EVENTS));
    }

    @ParameterizedTest
    @CsvSource({
        "force_custom_plan, stale", "force_generic_plan, stale",
        "force_custom_plan, fresh", "force_generic_plan, fresh"
    })
    void anEmptyLookTouchesAFewBlocks(String plan, String statistics) throws SQLException {
        statistics(statistics);
        assertThat(blocksOf(plan, EVENTS, 0, null, 1)).isLessThan(60);
    }

    @ParameterizedTest
    @CsvSource({"force_custom_plan, 1", "force_generic_plan, 1", "force_custom_plan, 4", "force_generic_plan, 4"})
    void aPageInTheMiddleOfAWindowTouchesWhatItReturns(String plan, int shards) throws SQLException {
        statistics("fresh");
        assertThat(blocksOf(plan, 0, EVENTS / 2, "9000000:9000000:", shards)).isLessThan(200);
    }

    /** With two hundred partitions; what is left of the past is looked at only for late events. */
    @Test
    void anEmptyLookLeavesOldPartitionsAlone() throws SQLException {
        TestDatabase database = TestDatabase.fresh();
        database.execute("""
                do $$
                begin
                    for i in 0..199 loop
                        execute format('create table outbox.part_%s partition of outbox.event for values from (%s) to (%s)',
                            i, 10000001 + i * 100, 10000101 + i * 100);
                    end loop;
                end
                $$;
                select setval('outbox.event_id_seq', 10019700);
                insert into outbox.event (id, aggregate_type, aggregate_id, type, payload)
                select 10000000 + n, 'thing', n, 'thing.made', '{}' from generate_series(1, 19700) n;
                """);
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            prepare(statement, "force_generic_plan");
            String look =
                    "execute page (10019700, 0, '%s', '900000:900000:', null, null, 1000, null, '0', 1, 1, 4194304)";
            assertThat(blocks(explain(statement, look.formatted("{}")))).isLessThan(60);
            assertThat(blocks(explain(statement, look.formatted("{900001,900002}"))))
                    .isLessThan(2_000);
        }
    }

    private static void statistics(String kind) {
        DATABASE.execute(kind.equals("fresh") ? "analyze outbox.event" : "select 1");
    }

    /** How many blocks one page of 1,000 reads, and that no plan node scans a table from its start. */
    private static long blocksOf(String plan, long high, long last, String target, int shards) throws SQLException {
        try (Connection connection = DATABASE.connect();
                Statement statement = connection.createStatement()) {
            prepare(statement, plan);
            String execute = "execute page (%d, %d, '{1,2,3}', '5:5:', %s, %s, 1000, null, '0', 1, %d, 4194304)"
                    .formatted(
                            high,
                            last,
                            target == null ? "null" : "'" + target + "'",
                            target == null ? "null" : Integer.toString(EVENTS),
                            shards);
            String explained = explain(statement, execute);
            assertThat(explained).doesNotContain("Seq Scan");
            return blocks(explained);
        }
    }

    private static void prepare(Statement statement, String plan) throws SQLException {
        for (String setting : LogConfiguration.READER_SETTINGS.entrySet().stream()
                .map(entry -> entry.getKey() + " = " + "'" + entry.getValue() + "'")
                .toList()) {
            statement.execute("set " + setting);
        }
        statement.execute("set plan_cache_mode = " + plan);
        statement.execute(
                "prepare page (bigint, bigint, text[], text, text, bigint, bigint, text[], text, int, int, int) as "
                        + EventLog.PAGE);
    }

    private static long blocks(String explained) {
        Matcher buffers = Pattern.compile("Buffers: shared (?:hit=(\\d+))? ?(?:read=(\\d+))?")
                .matcher(explained);
        assertThat(buffers.find()).isTrue();
        return number(buffers.group(1)) + number(buffers.group(2));
    }

    private static String explain(Statement statement, String execute) throws SQLException {
        StringBuilder text = new StringBuilder();
        try (ResultSet rows = statement.executeQuery("explain (analyze, buffers, costs off) " + execute)) {
            while (rows.next()) {
                text.append(rows.getString(1)).append('\n');
            }
        }
        return text.toString();
    }

    private static long number(String digits) {
        return digits == null ? 0 : Long.parseLong(digits);
    }
}
