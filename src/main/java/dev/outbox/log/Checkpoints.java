package dev.outbox.log;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.R2dbcDataIntegrityViolationException;
import io.r2dbc.spi.Readable;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/**
 * The stored positions: appended, never updated, because a row that is updated often becomes a long chain of versions while
 * anybody's snapshot is open. They are the fence: a generation is stored only on top of the one before it, which has to be there and the
 * last. So of two who believe that they lead, one stores nothing and stops, however far the other has gone on.
 */
@Repository
public final class Checkpoints {

    /** Primary key, from its end. */
    private static final String LATEST = ServerHistory.in("""
            select generation, done::text as done, barrier::text::bigint as barrier, high,
                target::text as target, target_barrier::text::bigint as target_barrier, target_high, last,
                {history} as history
            from outbox.checkpoint
            where subscription = $1
            order by generation desc
            limit 1
            """);

    /**
     * Stored at its place, unless the server has another history than the one that the position was read from. The row says whether
     * there was a place, and whether it was stored.
     *
     * <p>The commit is waited for although the role's setting may say otherwise: a checkpoint that a crash takes back would leave the
     * generations in memory ahead of those in the table. Said here, it holds behind a pooler too.
     */
    private static final String STORE = ServerHistory.in("""
            with here as materialized (
                select system_identifier, {history} as history,
                    case when current_setting('synchronous_commit') = 'off'
                        then set_config('synchronous_commit', 'on', true) end as synchronous
                from pg_control_system()
            ), place as materialized (
            PLACE), stored as (
                insert into outbox.checkpoint (subscription, generation, done, barrier, high,
                    target, target_barrier, target_high, last, instance, system_identifier)
                select $1, place.generation, $3::text::pg_snapshot, $4::text::xid8, $5,
                    $6::text::pg_snapshot, $7::text::xid8, $8, $9, $10, here.system_identifier
                from place, here
                where $11::text is null or $11 = here.history
                returning 1
            )
            select (select generation from place) as generation, ($11::text is null or $11 = here.history) as known
            from here
            """);

    /**
     * On top of the generation before it, by primary key: none if that is gone. Its lock makes a trim that would remove it wait, or
     * waits for one. Old generations go from the first on, so if that one is there and has no successor it is the last.
     */
    private static final String APPEND = STORE.replace("PLACE", """
                select generation + 1 as generation
                from outbox.checkpoint
                where subscription = $1 and generation = $2 - 1
                for key share
            """);

    /** Behind all that the subscription ever had; none if it has a checkpoint. Primary keys. */
    private static final String BEGIN = STORE.replace("PLACE", """
                select greatest($2, (select last + 1 from outbox.generation where subscription = $1)) as generation
                where not exists (select from outbox.checkpoint where subscription = $1)
            """);

    /** Primary key, in its order: who appends locks a generation and then stores the next, so neither waits for the other. */
    static final String TRIM = """
            delete from outbox.checkpoint
            where (subscription, generation) in (
                select subscription, generation
                from outbox.checkpoint
                where subscription = $1 and generation < $2
                order by generation
                for update)
            """;

    private static final String UNIQUE_VIOLATION = "23505";

    /** Older generations tell what happened; they are deleted in batches, since each deletion leaves a dead row. */
    private static final int KEPT = 100;

    private static final int TRIM_EVERY = 500;

    private final Database database;
    private final Restore restore;

    Checkpoints(@Qualifier("relay") Database database) {
        this.database = database;
        this.restore = new Restore(database, (connection, converted) -> append(connection, converted, "restore"));
    }

    /**
     * The latest checkpoint; empty if the subscription has none. Never to be replaced by one that is remembered: a failover may
     * have lost it. A log that was restored from another cluster is converted first, which can take minutes.
     */
    public Mono<Checkpoint> latest(String subscription) {
        return convert().then(Mono.defer(() -> stored(subscription)));
    }

    /** Converts a log that was restored from another cluster. */
    Mono<Void> convert() {
        return restore.ifForeign();
    }

    /** The latest checkpoint as it is. */
    Mono<Checkpoint> stored(String subscription) {
        return database.run(connection -> stored(connection, subscription));
    }

    /** The same, as the transaction of the connection sees it. */
    static Mono<Checkpoint> stored(PostgresqlConnection connection, String subscription) {
        return Database.rows(connection, row -> checkpoint(subscription, row), LATEST, subscription)
                .singleOrEmpty();
    }

    /**
     * Stores a checkpoint in a transaction of its own, and now and then deletes old ones.
     *
     * @param instance who stores it
     */
    public Mono<Void> append(Checkpoint checkpoint, String instance) {
        return database.run(connection ->
                append(connection, checkpoint, instance).then(Mono.defer(() -> trim(connection, checkpoint))));
    }

    /**
     * Stores a checkpoint in the transaction of the connection, on top of the one before it, which has to be the last.
     *
     * @return completes when stored; fails with {@link StaleLeaderException} if another has gone on or the one before is gone, and with
     *     {@link StalePositionException} if the server has another history than the one that the position was read from
     */
    public Mono<Void> append(PostgresqlConnection connection, Checkpoint checkpoint, String instance) {
        return store(connection, APPEND, checkpoint, instance).then();
    }

    /**
     * Stores the first checkpoint of a subscription, in the transaction of a claim, which waits for others of its handler. Its generation
     * is above all that the name ever had: what somebody still holds of these is no place to store on.
     *
     * @return as it is stored; fails as {@link #append} does, also if there is one
     */
    Mono<Checkpoint> begin(PostgresqlConnection connection, String subscription, Position position, String instance) {
        return store(connection, BEGIN, new Checkpoint(subscription, 0, position), instance);
    }

    private static Mono<Checkpoint> store(
            PostgresqlConnection connection, String sql, Checkpoint checkpoint, String instance) {
        Position position = checkpoint.position();
        Position.Target target = position.target();
        return Database.rows(
                        connection,
                        Stored::of,
                        sql,
                        checkpoint.subscription(),
                        checkpoint.generation(),
                        position.done().text(),
                        Long.toString(position.barrier()),
                        position.high(),
                        target == null ? null : target.snapshot().text(),
                        target == null ? null : Long.toString(target.barrier()),
                        target == null ? Parameters.in(Long.class) : target.high(),
                        position.last(),
                        instance,
                        position.history())
                .single()
                .onErrorMap(Checkpoints::isTaken, error -> new StaleLeaderException(checkpoint, error))
                .flatMap(stored -> stored.checked(checkpoint));
    }

    /**
     * What came of it.
     *
     * @param generation where it is stored; null if there was no place
     * @param known whether the position is of this server's history; it is not stored otherwise
     */
    private record Stored(@Nullable Long generation, boolean known) {

        static Stored of(Readable row) {
            return new Stored(row.get("generation", Long.class), is(row, "known"));
        }

        Mono<Checkpoint> checked(Checkpoint checkpoint) {
            if (!known) {
                return Mono.error(otherHistory(checkpoint.position()));
            }
            return generation == null
                    ? Mono.error(new StaleLeaderException(checkpoint, null))
                    : Mono.just(new Checkpoint(checkpoint.subscription(), generation, checkpoint.position()));
        }
    }

    private static StalePositionException otherHistory(Position position) {
        return new StalePositionException(String.valueOf(position.history()), "the server's");
    }

    /** Deletes old checkpoints, if it is time. */
    public Mono<Void> trim(PostgresqlConnection connection, Checkpoint checkpoint) {
        return checkpoint.generation() % TRIM_EVERY == 0
                ? Database.update(connection, TRIM, checkpoint.subscription(), checkpoint.generation() - KEPT)
                        .then()
                : Mono.empty();
    }

    static Checkpoint checkpoint(String subscription, Readable row) {
        String target = row.get("target", String.class);
        return new Checkpoint(
                subscription,
                number(row, "generation"),
                new Position(
                        new Snapshot(text(row, "done")),
                        number(row, "barrier"),
                        number(row, "high"),
                        target == null
                                ? null
                                : new Position.Target(
                                        new Snapshot(target),
                                        number(row, "target_barrier"),
                                        number(row, "target_high")),
                        number(row, "last"),
                        row.get("history", String.class)));
    }

    private static boolean isTaken(Throwable error) {
        return error instanceof R2dbcDataIntegrityViolationException violation
                && UNIQUE_VIOLATION.equals(violation.getSqlState());
    }
}
