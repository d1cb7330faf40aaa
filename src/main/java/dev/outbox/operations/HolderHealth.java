package dev.outbox.operations;

import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import java.util.Map;
import java.util.stream.Collectors;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/** Down while somebody who is no instance holds the lock of a subscription; says who. What keeps the database away is told by others. */
@Component("locksHealthIndicator")
final class HolderHealth implements ReactiveHealthIndicator {

    private static final String HELD = """
            select s.name, stranger.*
            from outbox.subscription s
            STRANGER
            where s.retired_at is null and held
            """.replace("STRANGER", Holder.SQL);

    private final Database database;

    HolderHealth(Database database) {
        this.database = database;
    }

    private record Held(String subscription, Holder by) {}

    @Override
    public Mono<Health> health() {
        return database.query(row -> new Held(text(row, "name"), requireNonNull(Holder.of(row))), HELD)
                .map(held -> held.stream().collect(Collectors.toMap(Held::subscription, Held::by)))
                .map(HolderHealth::health)
                .onErrorResume(away -> Mono.just(Health.unknown().build()));
    }

    private static Health health(Map<String, Holder> held) {
        return (held.isEmpty() ? Health.up() : Health.down())
                .withDetail("held", held)
                .build();
    }
}
