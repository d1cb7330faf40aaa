package dev.outbox.log;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** The columns of outbox.subscription that a run writes, so that whoever looks can see why it stands still: see {@link RunState}. */
@Repository
public final class RunStates {

    /** Index subscription_pkey. */
    private static final String OF = """
            select circuit_error, parked_full_at is not null as parked_full, replayed_through
            from outbox.subscription
            where name = $1
            """;

    /** Index subscription_pkey. $1 subscription, $2 error or null, $3 whether too many keys are parked, $4 through which id it replays */
    private static final String STORE = """
            update outbox.subscription
            set circuit_opened_at = case when $2::text is not null then coalesce(circuit_opened_at, clock_timestamp()) end,
                circuit_error = $2::text,
                parked_full_at = case when $3 then coalesce(parked_full_at, clock_timestamp()) end,
                replayed_through = $4,
                replay_rate = case when $4 > 0 then replay_rate end
            where name = $1
            """;

    /** Index subscription_pkey. $1 subscription, $2 error */
    private static final String FAILED =
            "update outbox.subscription set failed_at = clock_timestamp(), failure = $2 where name = $1";

    /** What it says is for people: it must not keep a run from beginning again. */
    private static final Duration FAILED_WITHIN = Duration.ofSeconds(2);

    private final Database database;

    RunStates(@Qualifier("relay") Database database) {
        this.database = database;
    }

    /** As it is stored. */
    public Mono<RunState> of(String subscription) {
        return database.query(RunStates::state, OF, subscription)
                .map(rows -> rows.isEmpty() ? RunState.NONE : rows.get(0));
    }

    /** Stores it in the transaction of the connection. */
    public Mono<Void> store(PostgresqlConnection connection, String subscription, RunState state) {
        return Database.update(
                        connection, STORE, subscription, state.circuit(), state.parkedFull(), state.replayedThrough())
                .then();
    }

    /** A run ended with an error, and will begin again. */
    public Mono<Void> failed(String subscription, String error) {
        return database.within(FAILED_WITHIN)
                .update(FAILED, subscription, error)
                .then();
    }

    private static RunState state(Readable row) {
        return new RunState(
                row.get("circuit_error", String.class), is(row, "parked_full"), number(row, "replayed_through"));
    }
}
