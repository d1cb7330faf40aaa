package dev.outbox.tail;

import dev.outbox.database.AdvisoryLocks;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Tells a tail that there may be something to read. It is rung by writers (routines/event__ring.sql), at their commit,
 * and only while somebody is asleep: a session that holds the sleepers' lock in share mode.
 *
 * <p>A ring says that a commit has happened, not which, and rings that come together count as one.
 *
 * <p>The server counts how often a session took the lock. So exactly what was granted is given back, also when it was asked for by
 * somebody who was cancelled meanwhile: once too few, and writers ring for nobody.
 */
public final class Doorbell {

    private static final Logger LOG = LoggerFactory.getLogger(Doorbell.class);

    /** Writers hold the lock for an instant each; this is long enough to get in between. */
    private static final Duration SHARE_WITHIN = Duration.ofMillis(100);

    private static final Duration SHARE_EVERY = Duration.ofMillis(5);

    private static final Mono<Boolean> NONE = Mono.just(false);

    private final @Nullable Listener listener;
    private final AtomicReference<Mono<Boolean>> share = new AtomicReference<>(NONE);
    private volatile boolean closed;

    /** Without a listener nobody hears: then nobody may fall asleep, and a tail looks again and again. */
    public Doorbell(@Nullable Listener listener) {
        this.listener = listener;
    }

    /** A mark to pass to {@link #ringsAfter}: rings from here on count. */
    long mark() {
        return listener == null ? 0 : listener.bell().get();
    }

    /** Completes when the bell has rung after the mark. */
    Mono<Void> ringsAfter(long mark) {
        return listener == null ? Mono.never() : listener.bell().above(mark);
    }

    /**
     * Falls asleep: from now on writers ring. Whoever asked before may still commit silently.
     *
     * @return false if the lock could not be had in time: then nobody may sleep, because nobody would ring
     */
    Mono<Boolean> fallAsleep() {
        return listener == null ? NONE : Mono.defer(() -> fallAsleep(listener));
    }

    /** Wakes up: the caller looks by itself, so writers need not ring for it. */
    Mono<Void> wakeUp() {
        return listener == null ? Mono.empty() : giveBack(listener);
    }

    /** The reader has ended, asleep or not. The session goes on. */
    void close() {
        closed = true;
        wakeUp().onErrorComplete().subscribe();
    }

    private Mono<Boolean> fallAsleep(Listener listener) {
        Mono<Boolean> asked = ask(listener).cache();
        share.set(asked);
        return closed ? asked.then(giveBack(listener)).thenReturn(false) : asked;
    }

    private static Mono<Boolean> ask(Listener listener) {
        return Mono.defer(() -> listener.tryLockShared(AdvisoryLocks.BELL))
                .filter(granted -> granted)
                .repeatWhenEmpty(
                        tries -> tries.take(SHARE_WITHIN.dividedBy(SHARE_EVERY)).delayElements(SHARE_EVERY))
                .switchIfEmpty(Mono.fromSupplier(Doorbell::refused));
    }

    /** Waits for an answer that is under way; whoever takes the share out is the one to give it back. */
    private Mono<Void> giveBack(Listener listener) {
        return Mono.defer(() -> share.getAndSet(NONE))
                .filter(granted -> granted)
                .flatMap(granted -> listener.unlockShared(AdvisoryLocks.BELL))
                .then();
    }

    private static boolean refused() {
        LOG.warn(
                "bell.unavailable advisory lock ({}) is held by another session (see pg_locks); polling",
                AdvisoryLocks.BELL);
        return false;
    }
}
