package dev.outbox.tail;

import static dev.outbox.database.Columns.is;

import dev.outbox.database.Connections;
import dev.outbox.database.Database;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
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
public final class Listener {

    /** Rung by writers: see routines/event__ring.sql. */
    private static final String BELL = "outbox";

    /** Told by instances, when one comes or gives up a subscription, or an operator wants something. */
    private static final String CHANGES = "outbox_change";

    private static final Duration OPEN_WITHIN = Duration.ofSeconds(3);
    private static final Duration ECHO_EVERY = Duration.ofSeconds(1);
    private static final Duration ECHO_WITHIN = Duration.ofSeconds(2);

    /** PostgreSQL's program_limit_exceeded. */
    private static final String QUEUE_FULL = "54000";

    private static final String NOTIFY = "select pg_notify($1, $2) is not null as done";

    private final PostgresqlConnection connection;
    private final String echoChannel =
            "outbox_echo_" + Long.toHexString(ThreadLocalRandom.current().nextLong());
    private final AwaitableCounter bell = new AwaitableCounter();
    private final AwaitableCounter changes = new AwaitableCounter();
    private final Sinks.Many<String> echoes = Sinks.many().multicast().directBestEffort();
    private final Sinks.Empty<Void> lost = Sinks.empty();
    private final Disposable.Composite tasks = Disposables.composite();

    private final int session;

    /** How it connects. The server ends its session when its owner is silent: a frozen owner must not lead. */
    public static PostgresqlConnectionFactory connections(Connections connections) {
        return connections.unpooled("outbox listener", Map.of("idle_session_timeout", "5s", "statement_timeout", "5s"));
    }

    private Listener(PostgresqlConnection connection, int session) {
        this.connection = connection;
        this.session = session;
    }

    /**
     * Connects, listens and begins to watch the connection.
     *
     * @return fails with {@link SharedSessionException} if something on the way to the server shares sessions out, or swallows
     *     notifications
     */
    public static Mono<Listener> connect(PostgresqlConnectionFactory connections) {
        return open(connections)
                .flatMap(connection -> SessionProof.of(connection, connections)
                        .flatMap(session -> new Listener(connection, session).begin())
                        .onErrorResume(
                                error -> connection.close().onErrorComplete().then(Mono.error(error))));
    }

    /**
     * The driver's own deadline ends when TCP is connected: a server that then says nothing would be waited for as long as it lives.
     * One that is late is closed when it comes.
     */
    private static Mono<PostgresqlConnection> open(PostgresqlConnectionFactory connections) {
        return Mono.defer(() -> {
            Mono<PostgresqlConnection> opening = connections.create().cache();
            return opening.timeout(OPEN_WITHIN)
                    .doOnError(
                            TimeoutException.class,
                            late -> opening.flatMap(PostgresqlConnection::close)
                                    .onErrorComplete()
                                    .subscribe());
        });
    }

    private Mono<Listener> begin() {
        tasks.add(connection.getNotifications().subscribe(this::hear, this::lose, () -> lose(ended())));
        return listen().then(Mono.defer(this::proveEcho))
                .doOnSuccess(begun -> tasks.add(echo().subscribe(beat -> {}, this::lose)))
                .doOnError(error -> tasks.dispose())
                .thenReturn(this);
    }

    /** The process at the server that serves this session. */
    public int session() {
        return session;
    }

    /** How often the bell has rung so far. */
    AwaitableCounter bell() {
        return bell;
    }

    /** How often an instance has told so far that it came or gave something up, or that an operator called. */
    public AwaitableCounter changes() {
        return changes;
    }

    /** Fails when the session is gone; never completes. */
    public Mono<Void> lost() {
        return lost.asMono();
    }

    /** Takes a lock that several sessions may share, without waiting; each taking needs its own release. */
    Mono<Boolean> tryLockShared(String key) {
        return ask("select pg_try_advisory_lock_shared(" + key + ") as done where $1", true);
    }

    Mono<Boolean> unlockShared(String key) {
        return ask("select pg_advisory_unlock_shared(" + key + ") as done where $1", true);
    }

    /** Tells all instances to look who runs what; if that cannot be said, they look by themselves a little later. */
    public Mono<Boolean> tellOfChange() {
        return ask(NOTIFY, CHANGES, "").onErrorReturn(Listener::isQueueFull, false);
    }

    /** Asks one question of the session; the column {@code done} is the answer. */
    public Mono<Boolean> ask(String sql, Object... values) {
        return rows(row -> is(row, "done"), sql, values).map(answers -> answers.get(0));
    }

    public <T> Mono<List<T>> rows(Function<Readable, T> row, String sql, Object... values) {
        return Database.toItsEnd(Database.rows(connection, row, sql, values).collectList());
    }

    public Mono<Void> close() {
        tasks.dispose();
        return connection.close().onErrorComplete();
    }

    private Mono<Void> listen() {
        return connection
                .createStatement("listen " + BELL + "; listen " + CHANGES + "; listen " + echoChannel)
                .execute()
                .concatMap(result -> result.getRowsUpdated(), 1)
                .then();
    }

    /** What was sent and did not come back is not heard here; what could not be sent is another matter. */
    private Mono<Void> proveEcho() {
        AtomicBoolean sent = new AtomicBoolean();
        Mono<String> heard = echoes.asFlux().next();
        Mono<Boolean> send = ask(NOTIFY, echoChannel, "first").doOnNext(done -> sent.set(true));
        return Mono.zip(heard, send)
                .timeout(ECHO_WITHIN)
                .then()
                .onErrorComplete(Listener::isQueueFull)
                .onErrorMap(
                        error -> error instanceof TimeoutException && sent.get(),
                        error -> new SharedSessionException("notifications do not arrive"));
    }

    private Flux<String> echo() {
        return Flux.interval(ECHO_EVERY).onBackpressureDrop().concatMap(beat -> echo(beat.toString()), 1);
    }

    private Mono<String> echo(String nonce) {
        Mono<String> heard = echoes.asFlux().filter(nonce::equals).next();
        return Mono.zip(heard, ask(NOTIFY, echoChannel, nonce), (echo, sent) -> echo)
                .timeout(ECHO_WITHIN)
                .onErrorReturn(Listener::isQueueFull, nonce);
    }

    /** A server that refuses to notify has answered, and is alive; meanwhile nobody rings, and the safety poll finds the events. */
    private static boolean isQueueFull(Throwable error) {
        return error instanceof R2dbcException refused && QUEUE_FULL.equals(refused.getSqlState());
    }

    private void hear(Notification notification) {
        switch (notification.getName()) {
            case BELL -> bell.increment();
            case CHANGES -> changes.increment();
            default -> echoes.tryEmitNext(String.valueOf(notification.getParameter()));
        }
    }

    private void lose(Throwable cause) {
        lost.tryEmitError(new IllegalStateException("The listener's connection is lost", cause));
    }

    private static Throwable ended() {
        return new IllegalStateException("The notifications ended");
    }
}
