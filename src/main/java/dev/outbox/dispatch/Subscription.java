package dev.outbox.dispatch;

import dev.outbox.log.Checkpoint;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A named, durable reader of the log, and how its pages are dealt with: one for each shard of a handler. */
public interface Subscription {

    /** The name of its handler, which it shares with the other shards of that. */
    String handler();

    String kind();

    Wanted wanted();

    default String name() {
        return wanted().name(handler());
    }

    /**
     * Deals with the pages in order and stores checkpoints as it goes.
     *
     * @param pages what to deal with; read ahead by a bounded amount
     * @param from the checkpoint before the first page
     * @param ending when it completes nothing more is begun, whatever pages are under way: they stay in the log
     * @return how far it has come, from time to time. Completes when it is told to end, what was begun is done and the last checkpoint is
     *     stored; fails with {@link dev.outbox.log.StaleLeaderException} if another instance has gone on, or because the database is away
     */
    Flux<Position> deliver(Flux<Page> pages, Checkpoint from, Mono<Void> ending);
}
