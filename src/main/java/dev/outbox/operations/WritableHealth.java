package dev.outbox.operations;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/** Read-only while the database answers and takes no changes, as one that stands by for another. */
@Component("writableHealthIndicator")
final class WritableHealth implements ReactiveHealthIndicator {

    /** Its place among the others, and that it is a 503, is in application.yaml. */
    private static final Status READ_ONLY = new Status("READ_ONLY");

    /** Locks nothing, and is refused where a change would be. */
    private static final String WRITABLE = "select name from outbox.subscription where false for update";

    private final Database database;

    WritableHealth(Database database) {
        this.database = database;
    }

    @Override
    public Mono<Health> health() {
        return database.query(row -> row.get("name"), WRITABLE)
                .map(none -> Health.up().build())
                .onErrorResume(
                        DatabaseUnavailableException.class,
                        error -> Mono.just((error.isReadOnly() ? Health.status(READ_ONLY) : Health.down()).build()));
    }
}
