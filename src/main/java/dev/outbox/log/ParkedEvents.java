package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** The exceptions: events that failed, and those that wait behind one. Written with a checkpoint, whose fence holds for them too. */
@Repository
public final class ParkedEvents {

    /** Primary key. $1 subscription, $2 limit */
    private static final String OF_SUBSCRIPTION = """
            select event_id, key, state, attempts, error, replayed,
                (extract(epoch from next_attempt_at - clock_timestamp()) * 1000)::bigint as due_ms,
                (extract(epoch from clock_timestamp() - parked_at) * 1000)::bigint as age_ms
            from outbox.parked
            where subscription = $1
            order by event_id
            limit $2
            """;

    /** $1 subscription, then arrays: event ids, keys, states, attempts, ms until the next attempt, errors, replayed */
    private static final String STORE = """
            insert into outbox.parked as present
                (subscription, event_id, key, state, attempts, next_attempt_at, error, replayed, attempted_at)
            select $1, event_id, key, state, attempts, clock_timestamp() + due_ms * interval '1 ms', error, replayed,
                case when attempts > 0 then clock_timestamp() end
            from unnest($2::bigint[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::text[], $8::boolean[])
                as parked (event_id, key, state, attempts, due_ms, error, replayed)
            on conflict (subscription, event_id) do update
            set state = excluded.state, attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at,
                error = excluded.error, attempted_at = coalesce(excluded.attempted_at, present.attempted_at)
            """;

    /** Primary key. $1 subscription, $2 event ids */
    private static final String REMOVE = """
            delete from outbox.parked
            where subscription = $1 and event_id = any ($2)
            """;

    private final Database database;

    ParkedEvents(@Qualifier("relay") Database database) {
        this.database = database;
    }

    /** The parked events of a subscription in order of id, the first {@code limit}. */
    public Mono<List<ParkedEvent>> of(String subscription, int limit) {
        return database.query(ParkedEvents::parked, OF_SUBSCRIPTION, subscription, limit);
    }

    /** Stores these, new or changed, in the transaction of the connection. */
    public Mono<Void> store(PostgresqlConnection connection, String subscription, Collection<ParkedEvent> parked) {
        return parked.isEmpty()
                ? Mono.empty()
                : Database.update(
                                connection,
                                STORE,
                                subscription,
                                column(parked, ParkedEvent::eventId, new Long[0]),
                                column(parked, ParkedEvent::key, new String[0]),
                                column(parked, ParkedEvents::state, new String[0]),
                                column(parked, ParkedEvent::attempts, new Integer[0]),
                                column(parked, ParkedEvents::due, new Long[0]),
                                column(parked, ParkedEvent::error, new String[0]),
                                column(parked, ParkedEvent::replayed, new Boolean[0]))
                        .then();
    }

    /** Removes those that are done, in the transaction of the connection. */
    public Mono<Void> remove(PostgresqlConnection connection, String subscription, Collection<Long> eventIds) {
        return eventIds.isEmpty()
                ? Mono.empty()
                : Database.update(connection, REMOVE, subscription, eventIds.toArray(Long[]::new))
                        .then();
    }

    private static <T> T[] column(Collection<ParkedEvent> parked, Function<ParkedEvent, @Nullable T> value, T[] type) {
        return parked.stream().map(value).toList().toArray(type);
    }

    private static String state(ParkedEvent event) {
        return event.state().name().toLowerCase(Locale.ROOT);
    }

    private static @Nullable Long due(ParkedEvent event) {
        return event.due() == null ? null : event.due().toMillis();
    }

    private static ParkedEvent parked(Readable row) {
        Long due = row.get("due_ms", Long.class);
        return new ParkedEvent(
                requireNonNull(row.get("event_id", Long.class)),
                requireNonNull(row.get("key", String.class)),
                ParkedEvent.State.valueOf(
                        requireNonNull(row.get("state", String.class)).toUpperCase(Locale.ROOT)),
                requireNonNull(row.get("attempts", Integer.class)),
                due == null ? null : Duration.ofMillis(due),
                row.get("error", String.class),
                Boolean.TRUE.equals(row.get("replayed", Boolean.class)),
                Duration.ofMillis(requireNonNull(row.get("age_ms", Long.class))));
    }
}
