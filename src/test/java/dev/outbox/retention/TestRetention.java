package dev.outbox.retention;

import dev.outbox.database.Database;
import java.time.Clock;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** Removes old events for tests of other packages. */
public final class TestRetention {

    private TestRetention() {}

    /** A round of the retention, with partitions of a thousand ids, in which nothing is too young. */
    public static Mono<Boolean> round(Database database) {
        Retention retention = new Retention(
                new Partitions(database),
                new RetentionSettings(1_000, 3, Duration.ofMillis(1), Duration.ofSeconds(1)),
                Clock.systemUTC());
        return Mono.defer(retention::round);
    }
}
