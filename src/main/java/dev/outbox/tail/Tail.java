package dev.outbox.tail;

import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import dev.outbox.logging.LogValue;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * The end of the log, read once for all subscriptions that have come to it: looks while there is something to read, and sleeps until the
 * bell rings when there is not. What it reads goes to its {@linkplain Follower followers}; without any it does nothing.
 *
 * <p>Falling asleep: (1) take the sleepers' lock, so that writers who ask from now on ring; (2) draw an xid, the barrier; (3) look, and
 * ask in the same statement whether all transactions below the barrier have ended. Until they have (it is <em>settled</em>),
 * somebody who asked before (1) may still commit silently, so it looks again and again, asleep in between and woken as
 * usual. Settled and with nothing left to read, it waits for the bell alone.
 *
 * <p>Why that loses no wake-up: take a writer whose trigger asked at instant r, its xid drawn and its event inserted before. If the lock
 * was held at r, the writer rings at its commit, and the tail, whose session listens since its start, looks after that. If not, its xid is
 * below the barrier, so settled means that it ended before the snapshot of that look, which therefore saw its events.
 *
 * <p>While few events come it keeps the lock and reads at each ring: what it was told of costs it one read. While many come it gives the
 * lock back and looks by itself, since commits that ring go one at a time.
 *
 * <p>For one subscriber; not reusable. Looks come one after the other.
 */
public final class Tail {

    private static final Logger LOG = LoggerFactory.getLogger(Tail.class);

    /** The most events of a page. */
    private static final int PAGE = 1_000;

    /** The most that may wait for a follower: events, and pages. */
    private static final int ROOM = 5_000;

    /** The pause after a look that found nothing, while it is awake. */
    private static final Duration AWAKE_POLL = Duration.ofMillis(1);

    private static final Duration SETTLE_FIRST = Duration.ofMillis(2);
    private static final Duration SETTLE_CAP = Duration.ofMillis(250);
    private static final Duration SLEEPLESS_POLL = Duration.ofMillis(250);
    private static final Duration AGAIN_FIRST = Duration.ofMillis(100);
    private static final Duration AGAIN_CAP = Duration.ofSeconds(1);
    private static final long NOT_READ = -1;

    private final EventLog log;
    private final Doorbell doorbell;
    private final Duration safetyPoll;
    private final int limit;
    private final int room;
    private final Traffic traffic = new Traffic(System::nanoTime);
    private final Set<Follower> followers = ConcurrentHashMap.newKeySet();
    private final AwaitableCounter joined = new AwaitableCounter();

    /** Null while nobody follows and after a failure: then it begins again, awake, at the end of the log. */
    private @Nullable Position position;

    private long barrier;
    private boolean asleep;
    private Duration settle = SETTLE_FIRST;

    /** While it is awake: the snapshot that was current before the last look, if that found nothing; until it changes a page would be empty. */
    private @Nullable String seen;

    /** While it sleeps: everything that was committed before the ring with this number has been read. */
    private long readUpTo = NOT_READ;

    /** @param safetyPoll how long to sleep at most, should the bell be broken */
    public Tail(EventLog log, Doorbell doorbell, Duration safetyPoll) {
        this(log, doorbell, safetyPoll, PAGE, ROOM);
    }

    Tail(EventLog log, Doorbell doorbell, Duration safetyPoll, int limit, int room) {
        this.log = log;
        this.doorbell = doorbell;
        this.limit = limit;
        this.room = room;
        this.safetyPoll = safetyPoll;
    }

    /** Reads for its followers; endless. When the database fails it drops them and begins again. */
    public Mono<Void> run() {
        return Mono.defer(this::look)
                .repeat()
                .then()
                .retryWhen(Retry.backoff(Long.MAX_VALUE, AGAIN_FIRST)
                        .maxBackoff(AGAIN_CAP)
                        .doBeforeRetry(signal -> startOver(signal.failure())))
                .doFinally(end -> doorbell.close());
    }

    /** Reads for one subscription from a position on, endless; at most one page is read ahead of demand. */
    public Flux<Page> pages(Position from, Wanted wanted) {
        return new Reader(log, this, from, wanted, limit).pages();
    }

    /** A new follower: until it is closed it is given the wanted events from the position on that it will be told. */
    Follower follow(Wanted wanted) {
        Follower follower = new Follower(wanted, room, followers::remove);
        followers.add(follower);
        joined.increment();
        return follower;
    }

    /** One look at the log, or a rest. */
    private Mono<Void> look() {
        long joins = joined.get();
        List<Follower> present = List.copyOf(followers);
        if (present.isEmpty()) {
            position = null;
            return wakeUp().then(joined.above(joins));
        }
        Position from = position;
        if (from == null) {
            return wakeUp().then(log.end()).doOnNext(end -> position = end).then();
        }
        if (traffic.asksHowLongACommitTakes()) {
            return log.commit().doOnNext(traffic::aCommitTook).then();
        }
        if (asleep && traffic.isHeavy()) {
            return wakeUp();
        }
        boolean awaited = present.stream().anyMatch(Follower::isWaiting);
        if (!awaited && seen != null) {
            return log.snapshot().flatMap(now -> now.equals(seen) ? rest() : read(from, present, joins, now));
        }
        if (!awaited && readUpTo != NOT_READ) {
            return sleep(takeReadUpTo(), joins, safetyPoll);
        }
        return read(from, present, joins, null);
    }

    private Mono<Void> read(Position from, List<Follower> present, long joins, @Nullable String snapshot) {
        long ring = doorbell.mark();
        return log.page(
                        from,
                        limit,
                        Wanted.byAny(present.stream().map(Follower::wanted).toList()),
                        barrier)
                .flatMap(page -> {
                    position = page.after();
                    traffic.add(page.size());
                    present.forEach(follower -> follower.offer(page));
                    seen = asleep || !page.isEmpty() ? null : snapshot;
                    readUpTo = asleep && page.settled() && page.after().isTail() ? ring : NOT_READ;
                    return page.isEmpty() ? rest(ring, joins) : Mono.empty();
                });
    }

    private Mono<Void> rest(long ring, long joins) {
        if (!asleep) {
            return rest();
        }
        return readUpTo == NOT_READ ? sleep(ring, joins, settling()) : Mono.empty();
    }

    private Mono<Void> rest() {
        return traffic.isLight() ? fallAsleep() : pause(AWAKE_POLL);
    }

    private Mono<Void> fallAsleep() {
        return doorbell.fallAsleep().flatMap(granted -> granted ? drawBarrier() : pause(SLEEPLESS_POLL));
    }

    private Mono<Void> drawBarrier() {
        asleep = true;
        seen = null;
        settle = SETTLE_FIRST;
        return log.barrier().doOnNext(drawn -> barrier = drawn).then();
    }

    private Mono<Void> wakeUp() {
        asleep = false;
        seen = null;
        barrier = 0;
        readUpTo = NOT_READ;
        return doorbell.wakeUp();
    }

    private void startOver(Throwable cause) {
        LOG.warn("tail.restarts followers={} error=\"{}\"", followers.size(), LogValue.quoted(cause));
        position = null;
        followers.forEach(Follower::drop);
    }

    private long takeReadUpTo() {
        long taken = readUpTo;
        readUpTo = NOT_READ;
        return taken;
    }

    /** 2, 4, … 250 ms. */
    private Duration settling() {
        Duration now = settle;
        Duration next = settle.multipliedBy(2);
        settle = next.compareTo(SETTLE_CAP) > 0 ? SETTLE_CAP : next;
        return now;
    }

    /** Until the bell rings, somebody joins, or the time is over. */
    private Mono<Void> sleep(long ring, long joins, Duration atMost) {
        return Mono.firstWithSignal(doorbell.ringsAfter(ring), joined.above(joins), pause(atMost));
    }

    private static Mono<Void> pause(Duration length) {
        return Mono.delay(length).then();
    }
}
