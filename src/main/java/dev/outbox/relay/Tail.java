package dev.outbox.relay;

import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import java.time.Duration;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Follows the log from a position on: reads while there is something to read, lingers a little at the end, then falls asleep until
 * the bell rings. For one subscriber; not reusable.
 *
 * <p>Falling asleep: (1) take the sleepers' lock, so that writers who ask from now on ring; (2) draw an xid, the barrier; (3) look, and
 * ask in the same statement whether all transactions below the barrier have ended. Until they have (it is <em>settled</em>),
 * somebody who asked before (1) may still commit silently, so the reader looks again and again, asleep in between and woken as
 * usual. Settled and empty, it waits for the bell alone.
 *
 * <p>Why that loses no wake-up: take a writer whose trigger asked at instant r, its xid drawn and its event inserted before. If the lock
 * was held at r, the writer rings at its commit, and the reader, which listens since its start, looks after that. If not, its xid is
 * below the barrier, so settled means that it ended before the snapshot of that look, which therefore saw its events.
 */
final class Tail {

    private static final Duration LINGER = Duration.ofMillis(30);
    private static final Duration LINGER_POLL = Duration.ofMillis(2);
    private static final Duration SETTLE_FIRST = Duration.ofMillis(2);
    private static final Duration SETTLE_CAP = Duration.ofMillis(250);
    private static final Duration SLEEPLESS_POLL = Duration.ofMillis(250);

    private final EventLog log;
    private final Doorbell doorbell;
    private final Set<String> types;
    private final int limit;
    private final Duration safetyPoll;

    private Position position;
    private long barrier;
    private boolean asleep;
    private Duration settle = SETTLE_FIRST;
    private boolean found;
    private long foundAt = System.nanoTime();

    /**
     * @param types the event types to return; empty for all
     * @param limit the most events of a page
     * @param safetyPoll how long to sleep at most, should the bell be broken
     */
    Tail(EventLog log, Doorbell doorbell, Position from, Set<String> types, int limit, Duration safetyPoll) {
        this.log = log;
        this.doorbell = doorbell;
        this.position = from;
        this.types = types;
        this.limit = limit;
        this.safetyPoll = safetyPoll;
    }

    /** The pages from the position on, endless; at most one is read ahead of demand. */
    Flux<Page> pages() {
        return Mono.defer(this::look).repeat().doFinally(end -> doorbell.close());
    }

    /** One look at the log: a page, or nothing after a rest. Whoever found a page asleep wakes up first. */
    private Mono<Page> look() {
        return asleep && found ? wakeUp().then(Mono.defer(this::read)) : read();
    }

    private Mono<Page> read() {
        long mark = doorbell.mark();
        return log.page(position, limit, types, barrier)
                .flatMap(page -> page.isEmpty() ? rest(mark, page.settled()).then(Mono.empty()) : advance(page));
    }

    private Mono<Page> advance(Page page) {
        position = page.after();
        found = true;
        foundAt = System.nanoTime();
        return Mono.just(page);
    }

    private Mono<Void> rest(long mark, boolean settled) {
        if (asleep) {
            return settled ? sleep(mark, safetyPoll) : sleep(mark, settling());
        }
        return System.nanoTime() - foundAt < LINGER.toNanos() ? pause(LINGER_POLL) : fallAsleep();
    }

    private Mono<Void> fallAsleep() {
        return doorbell.fallAsleep().flatMap(granted -> granted ? drawBarrier() : pause(SLEEPLESS_POLL));
    }

    private Mono<Void> drawBarrier() {
        asleep = true;
        found = false;
        settle = SETTLE_FIRST;
        return log.barrier().doOnNext(drawn -> barrier = drawn).then();
    }

    private Mono<Void> wakeUp() {
        asleep = false;
        barrier = 0;
        return doorbell.wakeUp();
    }

    /** The doorbell and the timer, whichever is first: 2, 4, … 250 ms. */
    private Duration settling() {
        Duration now = settle;
        Duration next = settle.multipliedBy(2);
        settle = next.compareTo(SETTLE_CAP) > 0 ? SETTLE_CAP : next;
        return now;
    }

    private Mono<Void> sleep(long mark, Duration atMost) {
        return Mono.firstWithSignal(doorbell.ringsAfter(mark), pause(atMost));
    }

    private static Mono<Void> pause(Duration length) {
        return Mono.delay(length).then();
    }
}
