package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.R2dbcDataIntegrityViolationException;
import io.r2dbc.spi.Readable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/**
 * The stored positions: appended, never updated, because a row that is updated often becomes a long chain of versions while
 * anybody's snapshot is open. The primary key (subscription, generation) is the fence: of two who believe that they lead, one
 * collides and stops.
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
     * None if the server has another history than the one that the position was read from. Durable, whatever the role's setting says: who
     * leads goes on from what it has stored.
     */
    private static final String APPEND = ServerHistory.in("""
            insert into outbox.checkpoint (subscription, generation, done, barrier, high,
                target, target_barrier, target_high, last, instance, system_identifier)
            select $1, $2, $3::text::pg_snapshot, $4::text::xid8, $5,
                $6::text::pg_snapshot, $7::text::xid8, $8, $9, $10, system_identifier
            from pg_control_system()
            where (current_setting('synchronous_commit') <> 'off' or set_config('synchronous_commit', 'on', true) = 'on')
              and ($11::text is null or $11 = {history})
            """);

    private static final String TRIM = """
            delete from outbox.checkpoint
            where subscription = $1 and generation < $2
            """;

    private static final String UNIQUE_VIOLATION = "23505";

    /** Older generations tell what happened; they are deleted in lots, since each deletion leaves a dead row. */
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
     * Stores a checkpoint in the transaction of the connection.
     *
     * @return completes when stored; fails with {@link StaleLeaderException} if another has stored that generation, and with
     *     {@link StalePositionException} if the server has another history than the one that the position was read from
     */
    public Mono<Void> append(PostgresqlConnection connection, Checkpoint checkpoint, String instance) {
        Position position = checkpoint.position();
        Position.Target target = position.target();
        return Database.update(
                        connection,
                        APPEND,
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
                .onErrorMap(Checkpoints::isTaken, error -> new StaleLeaderException(checkpoint, error))
                .flatMap(stored -> stored > 0 ? Mono.empty() : Mono.error(otherHistory(position)));
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
                        new Snapshot(requireNonNull(row.get("done", String.class))),
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

    private static long number(Readable row, String column) {
        return requireNonNull(row.get(column, Long.class));
    }
}
