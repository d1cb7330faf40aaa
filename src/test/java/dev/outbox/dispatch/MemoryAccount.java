package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Page;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.Position;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A database that keeps what transactions write when they commit, and forgets it when they don't: effects of a handler, and how far a
 * subscription has come. Connections are as real ones in what a run asks of them. Not safe for threads.
 */
final class MemoryAccount implements Account, ConnectionFactory {

    final Map<Long, Event> log = new HashMap<>();
    final Map<Long, ParkedEvent> rows = new LinkedHashMap<>();

    /** The ids of events whose effects are committed, in the order of the commits. */
    final List<Long> effects = new ArrayList<>();

    /** How many connections are borrowed. */
    int borrowed;

    /** What the next commit fails with; null if it succeeds. */
    @Nullable
    RuntimeException commitFails;

    /** What the next checkpoint that is written fails with; null if it succeeds. */
    @Nullable
    RuntimeException writeFails;

    private final Parked parked;
    private final @Nullable String openedBy;
    private Checkpoint last;
    private @Nullable String circuit;
    private boolean full;

    MemoryAccount(Parked parked, Position from, @Nullable String openedBy) {
        this.parked = parked;
        this.openedBy = openedBy;
        this.circuit = openedBy;
        this.last = new Checkpoint("test", 0, from);
        parked.heads().forEach(head -> rows.put(head.event().eventId(), head.event()));
    }

    /** An event has its effect in the connection's transaction. */
    static void effect(PostgresqlConnection connection, Event event) {
        ((Session) Proxy.getInvocationHandler(connection)).effects.add(event.id());
    }

    /** The session is over, as if somebody had ended it at the server. */
    static void lose(PostgresqlConnection connection) {
        ((Session) Proxy.getInvocationHandler(connection)).close();
    }

    /** The rows as {@code id state attempts}. */
    List<String> states() {
        return rows.values().stream()
                .sorted(Comparator.comparingLong(ParkedEvent::eventId))
                .map(row -> row.eventId() + " " + row.state() + " " + row.attempts())
                .toList();
    }

    Mono<List<Event>> events(List<Long> ids) {
        return Mono.fromSupplier(
                () -> ids.stream().map(log::get).filter(Objects::nonNull).toList());
    }

    @Override
    public Parked parked() {
        return parked;
    }

    @Override
    public @Nullable String circuit() {
        return openedBy;
    }

    @Override
    public Mono<List<ParkedEvent>> expected(Page page) {
        return Mono.fromSupplier(() -> page.events().stream()
                .map(event -> rows.get(event.id()))
                .filter(Objects::nonNull)
                .toList());
    }

    @Override
    public Mono<List<Aggregate>> heldByDead(Page page) {
        return Mono.fromSupplier(() -> rows.values().stream()
                .filter(row -> row.state() == ParkedEvent.State.DEAD)
                .map(ParkedEvent::aggregate)
                .toList());
    }

    @Override
    public Mono<List<ParkedRow>> next(ParkedKeys.Load load) {
        return Mono.fromSupplier(() -> rows.values().stream()
                .filter(row -> row.aggregate().equals(load.key()))
                .filter(row -> row.eventId() > load.after() && row.eventId() <= load.upTo())
                .sorted(Comparator.comparingLong(ParkedEvent::eventId))
                .limit(load.limit())
                .map(row -> new ParkedRow(row, log.get(row.eventId())))
                .toList());
    }

    @Override
    public Checkpoint last() {
        return last;
    }

    @Override
    public Mono<Void> store(Progress progress) {
        return failing(this::writeFailure).then(Mono.fromRunnable(() -> {
            keep(progress);
            stored(progress);
        }));
    }

    @Override
    public Mono<Void> write(PostgresqlConnection connection, Progress progress) {
        return failing(this::writeFailure)
                .then(Mono.fromRunnable(
                        () -> ((Session) Proxy.getInvocationHandler(connection)).written.add(progress)));
    }

    @Override
    public void stored(Progress progress) {
        last = last.next(progress.position());
        circuit = progress.circuit();
        full = progress.full();
    }

    @Override
    public boolean isStored(Progress progress) {
        return progress.parked().isEmpty()
                && Objects.equals(progress.circuit(), circuit)
                && progress.full() == full
                && progress.position().equals(last.position());
    }

    private void keep(Progress progress) {
        progress.parked().forEach((id, row) -> {
            if (row == null) {
                rows.remove(id);
            } else {
                rows.put(id, row);
            }
        });
    }

    private @Nullable RuntimeException writeFailure() {
        RuntimeException failure = writeFails;
        writeFails = null;
        return failure;
    }

    private @Nullable RuntimeException commitFailure() {
        RuntimeException failure = commitFails;
        commitFails = null;
        return failure;
    }

    private static Mono<Void> failing(Supplier<@Nullable RuntimeException> failure) {
        return Mono.defer(() -> {
            RuntimeException error = failure.get();
            return error == null ? Mono.empty() : Mono.error(error);
        });
    }

    @Override
    public Mono<PostgresqlConnection> create() {
        return Mono.fromSupplier(() -> {
            borrowed++;
            return (PostgresqlConnection) Proxy.newProxyInstance(
                    MemoryAccount.class.getClassLoader(), new Class<?>[] {PostgresqlConnection.class}, new Session());
        });
    }

    @Override
    public ConnectionFactoryMetadata getMetadata() {
        return () -> "memory";
    }

    private final class Session implements InvocationHandler {

        final List<Long> effects = new ArrayList<>();
        final List<Progress> written = new ArrayList<>();
        private boolean inTransaction;
        private boolean closed;

        @Override
        public Object invoke(Object proxy, Method method, Object @Nullable [] arguments) {
            return switch (method.getName()) {
                case "beginTransaction" -> Mono.fromRunnable(() -> inTransaction = true);
                case "commitTransaction" -> failing(this::whyNot).then(Mono.fromRunnable(this::commit));
                case "rollbackTransaction" -> Mono.fromRunnable(this::end);
                case "validate" -> Mono.fromSupplier(() -> !closed);
                case "isAutoCommit" -> !inTransaction;
                case "close" -> Mono.fromRunnable(this::close);
                case "toString" -> "a connection to memory";
                default -> throw new UnsupportedOperationException(method.toString());
            };
        }

        private @Nullable RuntimeException whyNot() {
            return closed ? new IllegalStateException("the connection is lost") : commitFailure();
        }

        private void commit() {
            MemoryAccount.this.effects.addAll(effects);
            written.forEach(MemoryAccount.this::keep);
            end();
        }

        private void end() {
            inTransaction = false;
            effects.clear();
            written.clear();
        }

        private void close() {
            if (!closed) {
                closed = true;
                borrowed--;
                end();
            }
        }
    }
}
