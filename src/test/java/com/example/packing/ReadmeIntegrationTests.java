package com.example.packing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.OutboxApplication;
import dev.outbox.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/**
 * The examples of README.md compile and do what it says. They are outside dev.outbox, where the applications of other tests would
 * find them.
 */
@SpringBootTest(
        classes = {OutboxApplication.class, PackingDesk.class, ShipmentCount.class},
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {"spring.liquibase.enabled=false", "logging.level.com.example.packing=info"})
@ExtendWith(OutputCaptureExtension.class)
class ReadmeIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) throws IOException {
        DATABASE.execute(example("create table shipment_count"));
        DATABASE.configure(registry);
    }

    @ParameterizedTest
    @ValueSource(strings = {"PackingDesk", "ShipmentCount"})
    void theHandlersAreWhatTheReadmeShows(String name) throws IOException {
        String source = Files.readString(Path.of("src/test/java/com/example/packing", name + ".java"));
        assertThat(source).endsWith("\n\n" + example("class " + name + " "));
    }

    @Test
    void aHandlerIsOneBean(CapturedOutput output) {
        DATABASE.execute("insert into orders (client_id) values (2)");
        String line = "pack order " + DATABASE.value("select max(id) from orders");
        await(() -> output.getOut().contains(line));
    }

    @Test
    void aTransactionalHandlerNeedNotBeRepeatable() {
        DATABASE.execute("update orders set status = 'shipped' where id <= 20");
        await(() -> DATABASE.number("select total from shipment_count") == 20);
    }

    @Test
    void anEventOfOnesOwnNeedsTwoRights() throws IOException {
        DATABASE.execute("create role shop");
        DATABASE.execute(example("grant usage on schema outbox"));
        DATABASE.execute("set role shop; " + example("select outbox.publish"));
        assertThat(DATABASE.value(
                        "select type from outbox.event where aggregate_type = 'parcel' and aggregate_id = '17'"))
                .isEqualTo("parcel.lost");
        DATABASE.execute("drop owned by shop; drop role shop");
    }

    @Test
    void aTableOfOnesOwnNeedsATrigger() throws IOException {
        DATABASE.execute(example("create table parcels"));
        DATABASE.execute("insert into parcels values (4, 'packed'); update parcels set status = 'lost' where id = 4");
        assertThat(DATABASE.value(
                        "select type from outbox.event where aggregate_type = 'parcel' and aggregate_id = '4'"))
                .isEqualTo("parcel.lost");
    }

    /** The example that has this in it. */
    private static String example(String part) throws IOException {
        return Pattern.compile("```(?:java|sql)\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("README.md")))
                .results()
                .map(example -> example.group(1))
                .filter(example -> example.contains(part))
                .findFirst()
                .orElseThrow(() -> new AssertionError("README.md has no example with: " + part));
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
        }
    }
}
