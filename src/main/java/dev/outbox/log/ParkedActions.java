package dev.outbox.log;

import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.Readable;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/**
 * What operators do to parked events. Each works in the transaction of the connection, which has to store a checkpoint too, while the
 * subscription is not running; and answers a JSON object that says what it did.
 */
@Component
public final class ParkedActions {

    /** The most events that one replay of a key or a type may park. */
    public static final int MOST = 100_000;

    /**
     * Index parked_pkey. Those that are blocked follow their key's first by themselves. Of all that are dead only so many that no more than $5
     * are tried again at once: these are in memory. $1 subscription, $2 event or null, $3 key or null, $4 its type or null, $5 the most
     */
    private static final String RETRY = """
            with room as materialized (
                select greatest($5::bigint - count(*), 0) as events
                from outbox.parked
                where subscription = $1 and state = 'retrying'
            ), again as (
                update outbox.parked
                set state = 'retrying', attempts = 0, next_attempt_at = clock_timestamp()
                where subscription = $1 and (state = 'dead' or (state = 'retrying' and num_nonnulls($2::bigint, $3::text) > 0))
                  and ($2::bigint is null or event_id = $2) and ($3::text is null or key = $3) and ($4::text is null or aggregate_type = $4)
                  and (num_nonnulls($2::bigint, $3::text) > 0 or event_id in (
                      select event_id
                      from outbox.parked
                      where subscription = $1 and state = 'dead'
                      order by event_id
                      limit (select events from room)))
                returning 1)
            select (jsonb_build_object('events', count(*)) || case
                when num_nonnulls($2::bigint, $3::text) = 0
                    and (select count(*) from outbox.parked where subscription = $1 and state = 'dead') > count(*)
                    then '{"more": true}'::jsonb else '{}' end)::text as result
            from again
            """;

    /**
     * What the position has not passed comes again from the log, so its row stays until then and says that it is discarded. Index parked_pkey.
     * $1 to $5 as for {@link ParkedEvents#KNOWN}, $6 event or null, $7 key or null, $8 how many ids to tell, $9 the type of the key or null
     */
    private static final String DISCARD = ParkedEvents.KNOWN + """
            , chosen as materialized (
                select event_id, passed
                from known
                where (state = 'dead' or num_nonnulls($6::bigint, $7::text) > 0) and state <> 'discarded'
                  and ($6::bigint is null or event_id = $6) and ($7::text is null or key = $7)
                  and ($9::text is null or aggregate_type = $9)
            ), gone as (
                delete from outbox.parked
                where subscription = $1 and event_id in (select event_id from chosen where passed)
            ), marked as (
                update outbox.parked
                set state = 'discarded', next_attempt_at = null
                where subscription = $1 and event_id in (select event_id from chosen where not passed)
            )
            select jsonb_build_object('events', count(*), 'ids',
                coalesce(jsonb_agg(event_id order by event_id) filter (where place <= $8), '[]'))::text as result
            from (select event_id, row_number() over (order by event_id) as place from chosen) d
            """;

    /** Only the first of a key retries. Index parked_subscription_key_event_id_idx */
    private static final String BLOCK = """
            update outbox.parked p
            set state = 'blocked', next_attempt_at = null
            where subscription = $1 and state = 'retrying' and exists (
                select
                from outbox.parked earlier
                where earlier.subscription = p.subscription and earlier.key = p.key and earlier.aggregate_type = p.aggregate_type
                  and earlier.event_id < p.event_id
                  and earlier.state <> 'dead')
            """;

    /**
     * Indexes event_pkey or, with a key, event_aggregate_idx; parked_subscription_key_event_id_idx. If there are more than $9, or more than $13
     * keys with those that are parked, nothing is parked. $1 subscription, $2 from, $3 types, $4 type or null, $5 done, $6 target, $7 last,
     * $8 key or null, $9 the most, $10 rate or null, $11 shard, $12 of how many, $13 the most keys, $14 the type of the key or null
     */
    private static final String REPLAY = """
            with matching as materialized (
                select id, aggregate_type, aggregate_id as key
                from outbox.event
                where id >= $2 and ($3::text[] = '{}' or type = any ($3::text[])) and ($4::text is null or type = $4)
                  and ($12 = 1 or outbox.shard(aggregate_type, aggregate_id, $12) = $11)
                  and ($8::text is null or (aggregate_id = $8 and aggregate_type = any (array(
                      with recursive kind (name) as (
                          (select aggregate_type from outbox.event order by aggregate_type limit 1)
                          union all
                          select (select aggregate_type from outbox.event where aggregate_type > name order by aggregate_type limit 1)
                          from kind
                          where name is not null
                      )
                      select name from kind where name is not null))
                      and ($14::text is null or aggregate_type = $14)))
                  and outbox.is_done($5::text::pg_snapshot, $6::text::pg_snapshot, $7, tx, id)
                limit $9 + 1
            ), fits as materialized (
                select (select count(*) from matching) <= $9 as events,
                    (select count(*)
                     from (
                         select aggregate_type, key from outbox.parked where subscription = $1 and state = 'retrying'
                         union
                         select aggregate_type, key from matching) k) <= $13 as keys
            ), parked as (
                insert into outbox.parked
                    (subscription, event_id, aggregate_type, key, state, attempts, next_attempt_at, replayed)
                select $1, id, aggregate_type, key, 'retrying', 0, clock_timestamp() + coalesce((place - 1) * interval '1 s' / $10, interval '0'), true
                from (select id, aggregate_type, key, row_number() over (order by id) as place from matching) m
                where (select events and keys from fits)
                order by id
                on conflict (subscription, event_id) do nothing
                returning 1
            )
            select (jsonb_build_object('events', (select count(*) from parked))
                || case when not events then jsonb_build_object('error', 'These are more than ' || $9 || ' events.')
                    when not keys then jsonb_build_object('error', 'With these more than ' || $13 || ' keys would be parked.')
                    else '{}' end)::text as result
            from fits
            """;

    /** Index parked_subscription_key_event_id_idx. $1 subscription, $2 key */
    private static final String TYPES = """
            select distinct aggregate_type
            from outbox.parked
            where subscription = $1 and key = $2 and state <> 'discarded'
            order by aggregate_type
            """;

    private static final int IDS = 5_000;

    /**
     * The dead ones are tried again; of one event or key also the one that retries. Fails with {@link AmbiguousKeyException} if parked
     * events of several kinds of things have the key.
     *
     * @param most how many may be retrying then; if more are dead the answer says so
     */
    public Mono<String> retry(PostgresqlConnection connection, String subscription, Arguments which, int most) {
        return requireOneType(connection, subscription, which)
                .then(Mono.defer(() -> result(
                        connection, RETRY, subscription, event(which), which.key(), which.aggregateType(), most)))
                .flatMap(result -> block(connection, subscription).thenReturn(result));
    }

    /**
     * The dead ones are given up for good; of one event or key whatever its state. They stay in the log as long as others do.
     * Fails with {@link AmbiguousKeyException} if parked events of several kinds of things have the key.
     */
    public Mono<String> discard(PostgresqlConnection connection, Checkpoint at, Arguments which) {
        Object[] known = ParkedEvents.known(at.subscription(), at.position());
        return requireOneType(connection, at.subscription(), which)
                .then(PartitionList.duringInTransaction(
                        connection,
                        () -> result(
                                connection,
                                DISCARD,
                                known[0],
                                known[1],
                                known[2],
                                known[3],
                                known[4],
                                event(which),
                                which.key(),
                                IDS,
                                which.aggregateType())));
    }

    private static Mono<Void> requireOneType(PostgresqlConnection connection, String subscription, Arguments which) {
        String key = which.key();
        if (key == null || which.aggregateType() != null) {
            return Mono.empty();
        }
        return Database.rows(connection, row -> text(row, "aggregate_type"), TYPES, subscription, key)
                .collectList()
                .flatMap(types -> types.size() > 1 ? Mono.error(new AmbiguousKeyException(key, types)) : Mono.empty());
    }

    /**
     * The events of a key or a type that are done and have ids from a start on are delivered again, beside the others; with a rate each
     * at its time, also within a key. If they are too many, or their keys with the parked ones, it does nothing and says so.
     */
    public Mono<String> replay(
            PostgresqlConnection connection, Checkpoint at, Wanted wanted, Arguments which, long from, int mostKeys) {
        Position position = at.position();
        Position.Target target = position.target();
        return PartitionList.duringInTransaction(
                        connection,
                        () -> result(
                                connection,
                                REPLAY,
                                at.subscription(),
                                from,
                                wanted.sortedTypes(),
                                which.type(),
                                position.done().text(),
                                target == null ? null : target.snapshot().text(),
                                position.last(),
                                which.key(),
                                MOST,
                                which.rate() == null ? Parameters.in(Integer.class) : which.rate(),
                                wanted.shard(),
                                wanted.shards(),
                                mostKeys,
                                which.aggregateType()))
                .flatMap(result -> which.rate() == null
                        ? block(connection, at.subscription()).thenReturn(result)
                        : Mono.just(result));
    }

    private static Mono<Void> block(PostgresqlConnection connection, String subscription) {
        return Database.update(connection, BLOCK, subscription).then();
    }

    private static Object event(Arguments which) {
        Long id = which.eventId();
        return id == null ? Parameters.in(Long.class) : id;
    }

    private static Mono<String> result(PostgresqlConnection connection, String sql, @Nullable Object... values) {
        return Database.rows(connection, ParkedActions::result, sql, values).single();
    }

    private static String result(Readable row) {
        return text(row, "result");
    }
}
