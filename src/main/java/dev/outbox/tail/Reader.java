package dev.outbox.tail;

import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import dev.outbox.logging.LogValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Reads the log for one subscription from a position on: by itself until it comes to the end, then what the {@link Tail} reads for
 * all; and by itself again if that drops it. For one subscriber; not reusable.
 */
final class Reader {

    private static final Logger LOG = LoggerFactory.getLogger(Reader.class);

    private static final Retry AGAIN = Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(100))
            .maxBackoff(Duration.ofSeconds(1))
            .filter(error -> error instanceof DatabaseUnavailableException away && away.ranOutOfTime())
            .doBeforeRetry(signal -> LOG.warn(
                    "reader.waits error=\"{}\"",
                    LogValue.quoted(signal.failure().getCause())));

    private final EventLog log;
    private final Tail tail;
    private final Wanted wanted;
    private final int limit;

    private Position position;
    private Stage stage = Stage.ALONE;
    private volatile @Nullable Follower follower;
    private volatile boolean ended;

    private enum Stage {
        /** Reads by itself. */
        ALONE,
        /** Has come to the end, and waits to be told where to join. */
        COMING,
        /** Reads up to there by itself. */
        JOINING,
        /** Takes what the tail has read. */
        FOLLOWING
    }

    /**
     * @param wanted which events to return
     * @param limit the most events of a page
     */
    Reader(EventLog log, Tail tail, Position from, Wanted wanted, int limit) {
        this.log = log;
        this.tail = tail;
        this.position = from;
        this.wanted = wanted;
        this.limit = limit;
    }

    /** The pages from the position on, endless; at most one is read ahead of demand. */
    Flux<Page> pages() {
        return Mono.defer(this::next).repeat().doFinally(end -> end());
    }

    /** One page, or nothing after a change of its stage. */
    private Mono<Page> next() {
        Follower at = follower;
        if (at == null) {
            return read();
        }
        return switch (stage) {
            case ALONE, JOINING -> read();
            case COMING -> meet(at);
            case FOLLOWING -> take(at);
        };
    }

    /** A page for which somebody's lock leaves no time is read again: a run that ends would repeat what is in flight. */
    private Mono<Page> read() {
        return log.page(position, limit, wanted, 0).retryWhen(AGAIN).flatMap(page -> {
            position = page.after();
            if (stage == Stage.ALONE && page.isOfTail()) {
                come();
            } else if (stage == Stage.JOINING && position.isTail()) {
                stage = Stage.FOLLOWING;
            }
            return page.isEmpty() ? Mono.empty() : Mono.just(page);
        });
    }

    private void come() {
        stage = Stage.COMING;
        follower = tail.follow(wanted);
        if (ended) {
            leave();
        }
    }

    /** What lies between here and there comes before anything that the tail has kept meanwhile. */
    private Mono<Page> meet(Follower at) {
        return at.start()
                .doOnNext(there -> {
                    stage = Stage.JOINING;
                    position = position.towards(there);
                })
                .switchIfEmpty(Mono.fromRunnable(this::leave))
                .then(Mono.empty());
    }

    private Mono<Page> take(Follower at) {
        return at.next(limit).doOnNext(page -> position = page.after()).switchIfEmpty(Mono.fromRunnable(this::leave));
    }

    /** Reads by itself again. */
    private void leave() {
        Follower left = follower;
        follower = null;
        stage = Stage.ALONE;
        if (left != null) {
            left.close();
        }
    }

    private void end() {
        ended = true;
        leave();
    }
}
