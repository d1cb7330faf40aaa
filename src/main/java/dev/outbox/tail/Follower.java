package dev.outbox.tail;

import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * One subscription's place at the {@link Tail}: keeps what was read until the subscription takes it. One that has too much waiting is
 * dropped, and reads by itself again.
 *
 * <p>Where it joins: at the position that the tail has after the first look that began behind its coming, <em>at the end of the log</em>,
 * and ended there. The subscription, which had come to the end of the log itself before, then reads from its own position up to that
 * one. Why nothing is lost or comes twice: the snapshot of such a look was taken after all that the subscription has read
 * was visible. If the look found something, its snapshot is the new position; if not, what is visible in it is visible in the old one. Either way
 * what the subscription has done is done under the position, and what it has not is what it reads up to there. The end of a window is no
 * such look: its snapshot may be older than what the subscription has read.
 */
final class Follower {

    private final Wanted wanted;
    private final int room;
    private final Consumer<Follower> leave;
    private final Sinks.One<Position> met = Sinks.one();
    private final Queue<Page> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger held = new AtomicInteger();
    private final AwaitableCounter news = new AwaitableCounter();
    private volatile State state = State.WAITING;

    private enum State {
        /** For the first look that counts. */
        WAITING,
        FOLLOWING,
        DROPPED
    }

    /**
     * @param room the most that may wait: events by weight, and pages
     * @param leave what to do when it is dropped or closed
     */
    Follower(Wanted wanted, int room, Consumer<Follower> leave) {
        this.wanted = wanted;
        this.room = room;
        this.leave = leave;
    }

    Wanted wanted() {
        return wanted;
    }

    boolean isWaiting() {
        return state == State.WAITING;
    }

    /** From which position on pages will come; empty if it was dropped. */
    Mono<Position> start() {
        return met.asMono();
    }

    /** What was read since the last call, as one page of at most so many events, by weight, if it can be; empty if it was dropped. */
    Mono<Page> next(int limit) {
        return Mono.defer(() -> {
            long before = news.get();
            Page page = take(limit);
            if (page != null) {
                return Mono.just(page);
            }
            return state == State.DROPPED ? Mono.empty() : news.above(before).then(next(limit));
        });
    }

    /** Called by the tail with each page, in order. */
    void offer(Page page) {
        if (state == State.WAITING) {
            meet(page);
        } else if (state == State.FOLLOWING && !page.isEmpty()) {
            keep(page.only(wanted));
        }
    }

    private void meet(Page page) {
        if (page.isOfTail()) {
            state = State.FOLLOWING;
            met.tryEmitValue(page.after());
        }
    }

    private void keep(Page page) {
        if (held.addAndGet(weight(page)) > room) {
            drop();
        } else {
            waiting.add(page);
            news.increment();
        }
    }

    /** It gets nothing more; what is kept can still be taken. */
    void drop() {
        state = State.DROPPED;
        leave.accept(this);
        met.tryEmitEmpty();
        news.increment();
    }

    /** The subscription has ended. */
    void close() {
        leave.accept(this);
    }

    private @Nullable Page take(int limit) {
        Page first = waiting.poll();
        if (first == null) {
            return null;
        }
        held.addAndGet(-weight(first));
        return first.isOfTail() ? takeMore(first, limit) : first;
    }

    /** Joins to the page what follows it: a subscription that is slower than the tail deals with more at once. */
    private Page takeMore(Page first, int limit) {
        List<Page> pages = new ArrayList<>(List.of(first));
        int left = limit - first.weight();
        for (Page next = waiting.peek(); next != null && next.isOfTail(); next = waiting.peek()) {
            left -= next.weight();
            if (left < 0) {
                break;
            }
            pages.add(waiting.remove());
            held.addAndGet(-weight(next));
        }
        return Page.joining(pages);
    }

    private static int weight(Page page) {
        return 1 + page.weight();
    }
}
