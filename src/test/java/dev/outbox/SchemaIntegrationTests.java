package dev.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;

/** db/schema.sql is what the changelog makes. */
class SchemaIntegrationTests {

    private static final Path FILE = Path.of("db", "schema.sql");

    private static final String HEAD = """
            -- The sum of db/changelog, for readers: generated, never run by the application. It is renewed by
            --   mvn verify -Dit.test=SchemaIntegrationTests -Doutbox.schema.write=true

            """;

    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void theFileIsTheSumOfTheChangelog() throws SQLException, IOException {
        String schema = HEAD + dump(database);
        if (Boolean.getBoolean("outbox.schema.write")) {
            Files.writeString(FILE, schema);
        }
        assertThat(Files.readString(FILE))
                .as(
                        "db/schema.sql is stale; renew it: mvn verify -Dit.test=SchemaIntegrationTests -Doutbox.schema.write=true")
                .isEqualTo(schema);
    }

    @Test
    void theFileMakesTheSameSchema() throws SQLException {
        TestDatabase other = new TestDatabase(database.host(), database.port(), database.name() + "_copy");
        database.execute("create database " + other.name() + " template template0");
        String schema = dump(database);
        other.execute(schema);
        assertThat(dump(other)).isEqualTo(schema);
    }

    private static String dump(TestDatabase of) throws SQLException {
        try (Connection connection = of.connect()) {
            return SchemaDump.of(connection);
        }
    }
}
