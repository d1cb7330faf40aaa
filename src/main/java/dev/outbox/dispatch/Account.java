package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Page;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedRow;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * What is stored of one subscription, while this instance runs it. What is stored is stored one after the other; whether it is may be
 * asked from any thread. Storing fails with {@link dev.outbox.log.StaleLeaderException} if another instance has gone on.
 */
interface Account {

    /** What was parked when it was opened. */
    Parked parked();

    /** The failure that held the circuit open when it was opened; null if it was closed. */
    @Nullable
    String circuit();

    /** The rows of those events of a page that are parked although they come again. */
    Mono<List<ParkedEvent>> expected(Page page);

    /** Which keys of a page dead events hold, of those that are not in memory. */
    Mono<List<Aggregate>> heldByDead(Page page);

    /** The next rows of a key, of those that are stored. */
    Mono<List<ParkedRow>> next(ParkedKeys.Load load);

    /** The latest checkpoint. */
    Checkpoint last();

    /** Stores how far the subscription has come, in a transaction of its own. */
    Mono<Void> store(Progress progress);

    /** Writes how far the subscription has come in the transaction of the connection; {@link #stored} is told of its commit. */
    Mono<Void> write(PostgresqlConnection connection, Progress progress);

    /** It is committed. */
    void stored(Progress progress);

    /** Whether storing it would change nothing. */
    boolean isStored(Progress progress);
}
