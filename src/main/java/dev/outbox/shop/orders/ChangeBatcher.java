package dev.outbox.shop.orders;

import dev.outbox.database.DatabaseUnavailableException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Makes changes that wait at the same moment with one statement, one round trip and one flush of the log for many.
 *
 * <p>Alone, a change leaves at once. Under load the next batch is whatever gathered while the last ones were under way; there is no
 * timer. Two changes of one order never share a statement. A batch never waits for a row that somebody else has locked: such a
 * change is made again beside the batches, by {@link LockedChanges}, so that it holds back no other. The failure of a change is its
 * own: if a batch fails as a whole, its changes are made one by one, unless the database is away.
 */
final class ChangeBatcher {

    /** One is under way while the next one gathers, and another keeps the server busy meanwhile. */
    private static final int STATEMENTS = 2;

    private static final int MOST_CHANGES = 256;

    /** Beyond what can be done within the deadline of a request. */
    private static final int MOST_WAITING = 10_000;

    private final OrderStore store;
    private final int mostChanges;
    private final LockedChanges locked;

    private final Queue<Waiting> arrived = new ConcurrentLinkedQueue<>();
    private final AtomicInteger arrivals = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicInteger wakeUps = new AtomicInteger();

    /** These two are touched by {@link #drain} only, which one thread runs at a time. */
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();

    private int underWay;

    ChangeBatcher(OrderStore store) {
        this(store, MOST_CHANGES);
    }

    /**
     * @param mostChanges of a batch; with 1 each change is its own statement
     */
    ChangeBatcher(OrderStore store, int mostChanges) {
        this.store = store;
        this.mostChanges = mostChanges;
        this.locked = new LockedChanges(store);
    }

    /** What became of the change; emits on the event loop of the connection that made it. */
    Mono<ChangeResult> change(StatusChange change) {
        return Mono.create(sink -> {
            if (arrivals.incrementAndGet() > MOST_WAITING) {
                arrivals.decrementAndGet();
                sink.error(DatabaseUnavailableException.overloaded());
                return;
            }
            arrived.add(new Waiting(change, sink));
            drain();
        });
    }

    /** What became of each of these changes, which are made by a statement of their own; no two may be of one order. */
    Mono<List<ChangeResult>> changeAll(List<StatusChange> changes) {
        return store.changeUnlocked(changes)
                .flatMap(results -> results.stream().noneMatch(ChangeBatcher::isLocked)
                        ? Mono.just(results)
                        : Flux.fromIterable(results)
                                .flatMapSequential(this::unlocked, changes.size(), 1)
                                .collectList());
    }

    private Mono<ChangeResult> unlocked(ChangeResult result) {
        return isLocked(result)
                ? locked.change(result.change())
                        .onErrorResume(error -> Mono.just(ChangeResult.failed(result.change(), error)))
                : Mono.just(result);
    }

    private static boolean isLocked(ChangeResult result) {
        return result.kind() == ChangeResult.Kind.LOCKED;
    }

    private record Waiting(StatusChange change, MonoSink<ChangeResult> sink) {}

    private void drain() {
        if (wakeUps.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            underWay -= ended.getAndSet(0);
            for (Waiting next = arrived.poll(); next != null; next = arrived.poll()) {
                waiting.add(next);
            }
            while (underWay < STATEMENTS && !waiting.isEmpty()) {
                underWay++;
                send(takeBatch());
            }
            seen = wakeUps.addAndGet(-seen);
        } while (seen != 0);
    }

    /** In the order of arrival, but for later changes of an order that is in the batch already: they stay. */
    private List<Waiting> takeBatch() {
        List<Waiting> batch = new ArrayList<>();
        List<Waiting> stay = new ArrayList<>();
        Set<Long> ids = new HashSet<>();
        while (batch.size() < mostChanges && !waiting.isEmpty()) {
            Waiting next = waiting.remove();
            (ids.add(next.change().id()) ? batch : stay).add(next);
        }
        for (int i = stay.size() - 1; i >= 0; i--) {
            waiting.addFirst(stay.get(i));
        }
        arrivals.addAndGet(-batch.size());
        return batch;
    }

    private void send(List<Waiting> batch) {
        make(batch)
                .onErrorResume(error -> fail(batch, error))
                .doFinally(end -> {
                    ended.incrementAndGet();
                    drain();
                })
                .subscribe();
    }

    private Mono<Void> make(List<Waiting> batch) {
        return store.changeUnlocked(batch.stream().map(Waiting::change).toList())
                .doOnNext(results -> answer(batch, results))
                .then();
    }

    private void answer(List<Waiting> batch, List<ChangeResult> results) {
        for (int i = 0; i < results.size(); i++) {
            Waiting one = batch.get(i);
            if (isLocked(results.get(i))) {
                locked.change(one.change()).subscribe(one.sink()::success, one.sink()::error);
            } else {
                one.sink().success(results.get(i));
            }
        }
    }

    private Mono<Void> alone(Waiting one) {
        return store.change(List.of(one.change()))
                .doOnNext(results -> one.sink().success(results.get(0)))
                .doOnError(one.sink()::error)
                .then()
                .onErrorComplete();
    }

    private Mono<Void> fail(List<Waiting> batch, Throwable error) {
        if (error instanceof DatabaseUnavailableException) {
            batch.forEach(one -> one.sink().error(error));
            return Mono.empty();
        }
        return Flux.fromIterable(batch).concatMap(this::alone, 1).then();
    }
}
