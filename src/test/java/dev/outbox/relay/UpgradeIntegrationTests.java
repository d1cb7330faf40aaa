package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.SchemaDump;
import dev.outbox.TestDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A database of an older version becomes one of this version, in place. The fixture is a dump of commit d52c735, whose service had shipped
 * orders, parked nothing, and was stopped; then order 17 was shipped by SQL.
 */
class UpgradeIntegrationTests {

    private static final String FIXTURE = "/upgrade/d52c735.sql";

    private static final String RAN = """
            select string_agg(id || ' ' || filename || ' ' || dateexecuted, ', ' order by orderexecuted)
            from databasechangelog
            where id like '0%' and id < '0008'
            """;

    private static final String DATA = """
            select concat_ws(' ', (select count(*) from orders), (select sum(version) from orders), (select count(*) from charges),
                (select sum(amount) from charges), (select count(*) from outbox.event), (select max(id) from outbox.event))
            """;

    private final TestDatabase database = TestDatabase.empty();

    @Test
    void itHasTheSchemaOfANewOneAndItsDataAndNoChangeRunsTwice() throws SQLException, IOException {
        database.execute(fixture());
        String data = database.value(DATA);
        String ran = database.value(RAN);
        database.migrate(1_000);
        assertThat(lines(database)).isEqualTo(lines(TestDatabase.fresh()));
        assertThat(database.value(DATA)).isEqualTo(data);
        assertThat(database.value(RAN)).isEqualTo(ran);
        assertThat(database.number("select count(*) - count(distinct (id, author, filename)) from databasechangelog"))
                .isZero();
    }

    @Test
    void whatWasNotDeliveredIsAndNothingElse() throws IOException {
        database.execute(fixture());
        database.migrate(1_000);
        Deliveries notifications = new Deliveries("notifications");
        try (TestRelay relay = TestRelay.with(database, notifications)) {
            Deliveries.await(() -> notifications.count() > 0, Duration.ofSeconds(30), "the order that was shipped");
            assertThat(notifications.items())
                    .extracting(DeliveryCheck.Item::key)
                    .containsExactly("17");
        }
    }

    /**
     * In no order: a dump makes columns, constraints and comments in another one than the change sets did. Without the partitions that the
     * service has made.
     */
    private static List<String> lines(TestDatabase of) throws SQLException {
        try (Connection connection = of.connect()) {
            return SchemaDump.of(connection)
                    .lines()
                    .filter(line -> !line.isBlank() && !line.matches(".*outbox\\.event_\\d{2,}.*"))
                    .map(line -> line.strip().replaceAll(",$", ""))
                    .sorted()
                    .toList();
        }
    }

    private static String fixture() throws IOException {
        try (InputStream dump = UpgradeIntegrationTests.class.getResourceAsStream(FIXTURE)) {
            return new String(dump.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
