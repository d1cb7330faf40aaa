package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;

/** On a PostgreSQL in a container, where a Docker engine answers; {@code -Doutbox.test.server=container} runs all tests so. */
@EnabledIf(value = "anEngineAnswers", disabledReason = "no Docker engine answers")
class ContainerIntegrationTests {

    static boolean anEngineAnswers() {
        return DockerClientFactory.instance().isDockerAvailable();
    }

    @Test
    void theSchemaIsMadeAndAPageIsRead() {
        try (PostgreSQLContainer container = TestDatabase.container()) {
            TestDatabase database = TestDatabase.in(container);
            database.execute("update orders set status = 'shipped' where id = 1");

            EventLog log = new EventLog(new Database(database.pool(1), Duration.ofSeconds(10)));
            Page page = log.page(Position.BEGINNING, 10, Wanted.ALL, 0).block(Duration.ofSeconds(20));

            assertThat(page).isNotNull();
            assertThat(page.events()).extracting(Event::type).containsExactly("order.shipped");
        }
    }
}
