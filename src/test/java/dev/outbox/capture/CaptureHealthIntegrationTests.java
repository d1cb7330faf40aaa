package dev.outbox.capture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;

/** What should capture changes and does not. */
class CaptureHealthIntegrationTests {

    private static final List<ExpectedTrigger> CAPTURES = List.of(
            new ExpectedTrigger("public.orders", "capture_insert"),
            new ExpectedTrigger("public.orders", "capture_update"));

    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void itIsUpWhileEverythingIsThere() {
        assertThat(look().getStatus()).isEqualTo(Status.UP);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "alter table orders disable trigger capture_update | trigger capture_update of public.orders",
                "alter table orders enable replica trigger capture_update | trigger capture_update of public.orders",
                "drop trigger capture_insert on orders | trigger capture_insert of public.orders",
                "alter table outbox.event disable trigger refuse | trigger refuse of outbox.event",
                "alter database %s set session_replication_role = replica | session_replication_role = replica of all roles"
            })
    void itSaysWhatIsBroken(String sql, String broken) {
        database.execute(sql.formatted(database.name()));
        Health health = look();
        assertThat(health.getStatus()).isEqualTo(Status.DOWN);
        assertThat(health.getDetails()).containsEntry("broken", List.of(broken));
    }

    private Health look() {
        CaptureHealth watch = new CaptureHealth(new Database(database.pool(1), Duration.ofSeconds(10)), CAPTURES);
        watch.start();
        try {
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
            Health health = watch.health().block();
            while (health.getStatus().equals(Status.UP) && System.nanoTime() < until) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
                health = watch.health().block();
            }
            return health;
        } finally {
            watch.stop();
        }
    }
}
