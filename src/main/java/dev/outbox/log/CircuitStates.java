package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** Which subscriptions have stopped because their destination is down: in outbox.subscription, so that whoever looks can see it. */
@Repository
public final class CircuitStates {

    /** Index subscription_pkey. */
    private static final String OF = """
            select circuit_error
            from outbox.subscription
            where name = $1
            """;

    /** Index subscription_pkey. $1 subscription, $2 error or null */
    private static final String STORE = """
            update outbox.subscription
            set circuit_opened_at = case when $2::text is not null then coalesce(circuit_opened_at, clock_timestamp()) end,
                circuit_error = $2::text
            where name = $1
            """;

    private final Database database;

    CircuitStates(@Qualifier("relay") Database database) {
        this.database = database;
    }

    /** The failure that holds the circuit of a subscription open; empty if it is closed. */
    public Mono<Optional<String>> of(String subscription) {
        return database.query(row -> Optional.ofNullable(row.get("circuit_error", String.class)), OF, subscription)
                .map(rows -> rows.isEmpty() ? Optional.empty() : requireNonNull(rows.get(0)));
    }

    /**
     * Stores it in the transaction of the connection.
     *
     * @param error null if the circuit is closed
     */
    public Mono<Void> store(PostgresqlConnection connection, String subscription, @Nullable String error) {
        return Database.update(connection, STORE, subscription, error).then();
    }
}
