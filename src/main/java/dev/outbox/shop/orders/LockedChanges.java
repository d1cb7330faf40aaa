package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;

import dev.outbox.database.DatabaseUnavailableException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Makes changes of orders that somebody else has locked: on few connections, so that whoever locks a row for long holds up nobody who
 * wants another one. The changes of one order wait behind one another, and fail together when the lock outlasts the first of them. Emits
 * {@link DatabaseUnavailableException} with {@code isLocked()} for a change that was given up; it was not made.
 */
final class LockedChanges {

    private static final int MOST_AT_ONCE = 4;
    private static final int MOST_WAITING = 256;

    /** For its turn; then it may wait for the lock, and all is answered within 3 s or so. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final OrderStore store;

    /** By order; the first of each may be under way. These four are guarded by this. */
    private final Map<Long, Queue<Waiting>> orders = new HashMap<>();

    private final Queue<Long> ready = new ArrayDeque<>();
    private int underWay;
    private int waiting;

    LockedChanges(OrderStore store) {
        this.store = store;
    }

    private record Waiting(StatusChange change, long since, MonoSink<ChangeResult> sink) {

        boolean isLate() {
            return System.nanoTime() - since > PATIENCE.toNanos();
        }
    }

    /** What became of the change; emits on the event loop of the connection that made it. */
    Mono<ChangeResult> change(StatusChange change) {
        return Mono.create(sink -> {
            if (enqueue(new Waiting(change, System.nanoTime(), sink))) {
                begin();
            } else {
                sink.error(DatabaseUnavailableException.locked());
            }
        });
    }

    private synchronized boolean enqueue(Waiting one) {
        if (waiting == MOST_WAITING) {
            return false;
        }
        waiting++;
        Queue<Waiting> order = orders.computeIfAbsent(one.change().id(), id -> new ArrayDeque<>());
        order.add(one);
        if (order.size() == 1) {
            ready.add(one.change().id());
        }
        return true;
    }

    private void begin() {
        for (Waiting next = next(); next != null; next = next()) {
            Waiting one = next;
            if (one.isLate()) {
                fail(one, DatabaseUnavailableException.locked());
            } else {
                store.change(List.of(one.change()))
                        .subscribe(
                                results -> {
                                    end(one, false);
                                    one.sink().success(results.get(0));
                                    begin();
                                },
                                error -> {
                                    fail(one, error);
                                    begin();
                                });
            }
        }
    }

    private synchronized @Nullable Waiting next() {
        if (underWay == MOST_AT_ONCE || ready.isEmpty()) {
            return null;
        }
        underWay++;
        return requireNonNull(orders.get(ready.remove())).element();
    }

    private void fail(Waiting one, Throwable error) {
        boolean locked = error instanceof DatabaseUnavailableException away && away.isLocked();
        end(one, locked).forEach(failed -> failed.sink().error(error));
    }

    /** Takes it, or all of its order, out of the queue. */
    private synchronized List<Waiting> end(Waiting one, boolean withTheOthers) {
        underWay--;
        long id = one.change().id();
        Queue<Waiting> order = requireNonNull(orders.get(id));
        List<Waiting> ended = withTheOthers ? List.copyOf(order) : List.of(order.element());
        order.removeAll(ended);
        waiting -= ended.size();
        if (order.isEmpty()) {
            orders.remove(id);
        } else {
            ready.add(id);
        }
        return ended;
    }
}
