package dev.outbox.relay;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * One life of this instance's own session with the server: it hears notifications, and holds the advisory locks that say who
 * sleeps and who leads.
 *
 * <p>The driver's Flux of notifications has no buffer, and ends for good when its subscriber has no demand: so it is subscribed
 * before LISTEN, with unbounded demand, and conflated at once into a count. A dead peer gives no error at all: so the session
 * notifies itself every second and is {@link #lost()} when that echo is late. No transaction is ever held here, since it would
 * hold back notifications.
 */
final class Listener {

    private static final String CHANNEL = "outbox";
    private static final Duration ECHO_EVERY = Duration.ofSeconds(1);
    private static final Duration ECHO_WITHIN = Duration.ofSeconds(2);

    private static final String TRY_LOCK = "select pg_try_advisory_lock(11311, $1) as done";
    private static final String TRY_LOCK_SHARED = "select pg_try_advisory_lock_shared(11311, $1) as done";
    private static final String UNLOCK = "select pg_advisory_unlock(11311, $1) as done";
    private static final String UNLOCK_SHARED = "select pg_advisory_unlock_shared(11311, $1) as done";
    private static final String NOTIFY = "select pg_notify($1, $2) is not null as done";

    private final PostgresqlConnection connection;
    private final String echoChannel =
            "outbox_echo_" + Long.toHexString(ThreadLocalRandom.current().nextLong());
    private final AtomicLong count = new AtomicLong();
    private final Sinks.Many<Long> notifications = Sinks.many().replay().latestOrDefault(0L);
    private final Sinks.Many<String> echoes = Sinks.many().multicast().directBestEffort();
    private final Sinks.Empty<Void> lost = Sinks.empty();
    private final Disposable.Composite tasks = Disposables.composite();

    private Listener(PostgresqlConnection connection) {
        this.connection = connection;
    }

    /** Connects, listens and begins to watch the connection. */
    static Mono<Listener> connect(PostgresqlConnectionFactory connections) {
        return connections.create().flatMap(connection -> new Listener(connection).begin());
    }

    private Mono<Listener> begin() {
        tasks.add(connection.getNotifications().subscribe(this::hear, this::lose, () -> lose(ended())));
        return listen().doOnSuccess(begun -> tasks.add(echo().subscribe(beat -> {}, this::lose)))
                .onErrorResume(error -> close().then(Mono.error(error)))
                .thenReturn(this);
    }

    /** How many notifications came so far. */
    long heard() {
        return count.get();
    }

    /** Completes at the first notification after that many; at once if it came already. */
    Mono<Void> hearsAfter(long heard) {
        return notifications.asFlux().filter(latest -> latest > heard).next().then();
    }

    /** Fails when the session is gone; never completes. */
    Mono<Void> lost() {
        return lost.asMono();
    }

    /** Takes a lock of this session alone, without waiting; it is held until it is released or the session ends. */
    Mono<Boolean> tryLock(int lock) {
        return ask(TRY_LOCK, lock);
    }

    Mono<Boolean> unlock(int lock) {
        return ask(UNLOCK, lock);
    }

    /** Takes a lock that several sessions may share, without waiting; each taking needs its own release. */
    Mono<Boolean> tryLockShared(int lock) {
        return ask(TRY_LOCK_SHARED, lock);
    }

    Mono<Boolean> unlockShared(int lock) {
        return ask(UNLOCK_SHARED, lock);
    }

    /** Wakes all instances. */
    Mono<Boolean> ringAll() {
        return ask(NOTIFY, CHANNEL, "");
    }

    Mono<Void> close() {
        tasks.dispose();
        return connection.close().onErrorComplete();
    }

    private Mono<Void> listen() {
        return connection
                .createStatement("listen " + CHANNEL + "; listen " + echoChannel)
                .execute()
                .concatMap(result -> result.getRowsUpdated(), 1)
                .then();
    }

    private Flux<String> echo() {
        return Flux.interval(ECHO_EVERY).onBackpressureDrop().concatMap(beat -> echo(beat.toString()), 1);
    }

    private Mono<String> echo(String nonce) {
        Mono<String> heard = echoes.asFlux().filter(nonce::equals).next();
        return Mono.zip(heard, ask(NOTIFY, echoChannel, nonce), (echo, sent) -> echo)
                .timeout(ECHO_WITHIN);
    }

    private void hear(Notification notification) {
        if (notification.getName().equals(echoChannel)) {
            echoes.tryEmitNext(String.valueOf(notification.getParameter()));
        } else {
            notifications.tryEmitNext(count.incrementAndGet());
        }
    }

    private void lose(Throwable cause) {
        lost.tryEmitError(new IllegalStateException("The listener's connection is lost", cause));
    }

    private static Throwable ended() {
        return new IllegalStateException("The notifications ended");
    }

    private Mono<Boolean> ask(String sql, Object... values) {
        return Database.toItsEnd(Database.rows(
                        connection, row -> Boolean.TRUE.equals(row.get("done", Boolean.class)), sql, values)
                .single());
    }
}
