package dev.outbox.log;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.Readable;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** The operators' columns of outbox.subscription. They are written by the leader, in a transaction with a checkpoint. */
@Repository
public final class DesiredStates {

    /** Index subscription_pkey. */
    private static final String OF = """
            select paused_at is not null as paused, replayed_through, replay_rate
            from outbox.subscription
            where name = $1
            """;

    /** All of subscription; index action_subscription_waiting_idx. */
    private static final String SIGNALS = """
            select name, paused_at is not null as paused,
                exists (select from outbox.action a where a.subscription = s.name and a.applied_at is null) as action_waits
            from outbox.subscription s
            where retired_at is null
            """;

    /** Whoever paused it first stays the one who did. */
    private static final String PAUSE = """
            update outbox.subscription
            set paused_at = clock_timestamp(), paused_by = $2, pause_reason = $3
            where name = $1 and paused_at is null
            """;

    private static final String RESUME = """
            update outbox.subscription
            set paused_at = null, paused_by = null, pause_reason = null
            where name = $1 and paused_at is not null
            """;

    /** $1 subscription, $2 through which id, $3 rate or null */
    private static final String REPLAY = """
            update outbox.subscription
            set replayed_through = greatest(replayed_through, $2), replay_rate = $3
            where name = $1
            """;

    private final Database database;

    DesiredStates(@Qualifier("relay") Database database) {
        this.database = database;
    }

    public Mono<DesiredState> of(String subscription) {
        return database.query(DesiredStates::desired, OF, subscription).map(rows -> rows.get(0));
    }

    /** Of each subscription in force, whether it is paused and whether an action waits. */
    public Mono<List<ControlSignal>> signals() {
        return database.query(DesiredStates::signal, SIGNALS);
    }

    /** Whether that changed anything. */
    public Mono<Boolean> pause(
            PostgresqlConnection connection, String subscription, String by, @Nullable String reason) {
        return Database.update(connection, PAUSE, subscription, by, reason).map(rows -> rows > 0);
    }

    /** Whether that changed anything. */
    public Mono<Boolean> resume(PostgresqlConnection connection, String subscription) {
        return Database.update(connection, RESUME, subscription).map(rows -> rows > 0);
    }

    /** From now on events up to this id are replayed. */
    public Mono<Void> replay(
            PostgresqlConnection connection, String subscription, long through, @Nullable Integer rate) {
        return Database.update(
                        connection, REPLAY, subscription, through, rate == null ? Parameters.in(Integer.class) : rate)
                .then();
    }

    private static ControlSignal signal(Readable row) {
        return new ControlSignal(text(row, "name"), is(row, "paused"), is(row, "action_waits"));
    }

    private static DesiredState desired(Readable row) {
        return new DesiredState(
                is(row, "paused"), number(row, "replayed_through"), row.get("replay_rate", Integer.class));
    }
}
