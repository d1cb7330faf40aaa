package dev.outbox.log;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** What operators ask for. Whoever asks only adds a row; the leader of the subscription applies it, and both see it here. */
@Repository
public final class Actions {

    private static final String COLUMNS = """
            id, subscription, name, arguments::text as arguments, reason, requested_by, requested_at,
                applied_at, applied_by, result::text as result""";

    /** The trigger on the table tells all instances, so that the leader looks. $1 subscription, $2 name, $3 arguments, $4 reason, $5 who, $6 idempotency key or null */
    private static final String ASK = """
            insert into outbox.action (subscription, name, arguments, reason, requested_by, idempotency_key)
            values ($1, $2, $3::text::jsonb, $4, $5, $6)
            on conflict (idempotency_key) do nothing
            returning COLUMNS
            """.replace("COLUMNS", COLUMNS);

    /** Index action_idempotency_key_key. Empty if the call was another. $1 to $4 as above, $5 idempotency key */
    private static final String ASKED = """
            select COLUMNS
            from outbox.action
            where idempotency_key = $5 and subscription = $1 and name = $2
              and arguments = $3::text::jsonb and reason is not distinct from $4::text
            """.replace("COLUMNS", COLUMNS);

    private static final String FIND = """
            select COLUMNS
            from outbox.action
            where id = $2 and subscription = $1
            """.replace("COLUMNS", COLUMNS);

    /** Index action_subscription_id_idx, from its end. $1 subscription, $2 before, $3 limit */
    private static final String LIST = """
            select COLUMNS
            from outbox.action
            where subscription = $1 and id < $2
            order by id desc
            limit $3
            """.replace("COLUMNS", COLUMNS);

    /** Index action_subscription_waiting_idx. */
    private static final String NEXT = """
            select COLUMNS
            from outbox.action
            where subscription = $1 and applied_at is null
            order by id
            limit 1
            """.replace("COLUMNS", COLUMNS);

    /** Primary key; on a row that waits. $1 id, $2 subscription, $3 who */
    private static final String CANCEL = """
            update outbox.action
            set applied_at = clock_timestamp(), applied_by = $3, result = '{"cancelled": true}'
            where id = $1 and subscription = $2 and applied_at is null
            returning COLUMNS
            """.replace("COLUMNS", COLUMNS);

    /** Primary key. */
    private static final String FAILED = """
            update outbox.action
            set failures = failures + 1
            where id = $1
            returning failures
            """;

    /** Primary key. */
    private static final String APPLIED = """
            update outbox.action
            set applied_at = clock_timestamp(), applied_by = $2, result = $3::text::jsonb
            where id = $1 and applied_at is null
            """;

    private final Database leader;
    private final Database callers;

    /** The leader does not share connections with those who ask: they must not keep it waiting. */
    Actions(@Qualifier("relay") Database leader, Database callers) {
        this.leader = leader;
        this.callers = callers;
    }

    /**
     * Asks for an action and rings the bell.
     *
     * @param idempotencyKey who repeats a call with the same key gets the same action
     * @return empty if another call has used that key
     */
    public Mono<Action> ask(
            String subscription,
            Action.Name name,
            Arguments arguments,
            @Nullable String reason,
            String requestedBy,
            @Nullable String idempotencyKey) {
        return callers.query(
                        Actions::action,
                        ASK,
                        subscription,
                        name.text(),
                        arguments.json(),
                        reason,
                        requestedBy,
                        idempotencyKey)
                .flatMap(Actions::first)
                .switchIfEmpty(Mono.defer(() -> callers.query(
                                Actions::action,
                                ASKED,
                                subscription,
                                name.text(),
                                arguments.json(),
                                reason,
                                idempotencyKey)
                        .flatMap(Actions::first)));
    }

    public Mono<Action> find(String subscription, long id) {
        return callers.query(Actions::action, FIND, subscription, id).flatMap(Actions::first);
    }

    /** The latest first, those with ids below {@code before}. */
    public Mono<List<Action>> list(String subscription, long before, int limit) {
        return callers.query(Actions::action, LIST, subscription, before, limit);
    }

    /** The action that waits longest; empty if none does. */
    public Mono<Action> next(String subscription) {
        return leader.query(Actions::action, NEXT, subscription).flatMap(Actions::first);
    }

    /**
     * Writes down what came of it, in the transaction of the connection. Fails with {@link ActionGoneException} if it does not wait any
     * more: then nothing may come of it.
     */
    public Mono<Void> applied(PostgresqlConnection connection, Action action, String instance, String result) {
        return Database.update(connection, APPLIED, action.id(), instance, result)
                .flatMap(rows -> rows > 0 ? Mono.empty() : Mono.error(new ActionGoneException(action)));
    }

    /**
     * Cancels an action that waits.
     *
     * @param by who does
     * @return empty if there is none, or it does not wait any more
     */
    public Mono<Action> cancel(String subscription, long id, String by) {
        return callers.query(Actions::action, CANCEL, id, subscription, by).flatMap(Actions::first);
    }

    /** Counts a time that the action could not be applied, and says how many these are. */
    public Mono<Integer> failed(Action action) {
        return leader.query(row -> requireNonNull(row.get("failures", Integer.class)), FAILED, action.id())
                .flatMap(Actions::first);
    }

    private static Action action(Readable row) {
        return new Action(
                number(row, "id"),
                text(row, "subscription"),
                text(row, "name"),
                text(row, "arguments"),
                row.get("reason", String.class),
                text(row, "requested_by"),
                requireNonNull(row.get("requested_at", Instant.class)),
                row.get("applied_at", Instant.class),
                row.get("applied_by", String.class),
                row.get("result", String.class));
    }

    private static <T> Mono<T> first(List<T> rows) {
        return rows.isEmpty() ? Mono.empty() : Mono.just(rows.get(0));
    }
}
