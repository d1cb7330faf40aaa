package dev.outbox.operations;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** Reads parked events. */
@Repository
final class ParkedReports {

    private static final String COLUMNS =
            "event_id, aggregate_type, key, state, attempts, next_attempt_at, error, replayed, parked_at, attempted_at";

    /** Index parked_pkey, or parked_subscription_key_event_id_idx. $1 subscription, $2 state or null, $3 key or null, $4 after, $5 limit, $6 aggregate type or null */
    private static final String LIST = """
            select COLUMNS
            from outbox.parked
            where subscription = $1 and state <> 'discarded' and ($2::text is null or state = $2) and ($3::text is null or key = $3)
              and ($6::text is null or aggregate_type = $6) and event_id > $4
            order by event_id
            limit $5
            """.replace("COLUMNS", COLUMNS);

    private static final String ONE = """
            select COLUMNS
            from outbox.parked
            where subscription = $1 and event_id = $2 and state <> 'discarded'
            """.replace("COLUMNS", COLUMNS);

    private final Database database;

    ParkedReports(Database database) {
        this.database = database;
    }

    Mono<List<ParkedReport>> list(
            String subscription,
            @Nullable String state,
            @Nullable String aggregateType,
            @Nullable String key,
            long after,
            int limit) {
        return database.query(ParkedReports::parked, LIST, subscription, state, key, after, limit, aggregateType);
    }

    /** Empty if the event is not parked. */
    Mono<ParkedReport> find(String subscription, long event) {
        return database.query(ParkedReports::parked, ONE, subscription, event)
                .flatMap(rows -> Mono.justOrEmpty(rows.stream().findFirst()));
    }

    private static ParkedReport parked(Readable row) {
        return new ParkedReport(
                number(row, "event_id"),
                text(row, "aggregate_type"),
                text(row, "key"),
                text(row, "state"),
                requireNonNull(row.get("attempts", Integer.class)),
                row.get("next_attempt_at", Instant.class),
                row.get("error", String.class),
                is(row, "replayed"),
                requireNonNull(row.get("parked_at", Instant.class)),
                row.get("attempted_at", Instant.class),
                null);
    }
}
