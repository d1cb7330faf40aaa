package dev.outbox.relay;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Tells a reader of the log that there may be something to read. It is rung by writers (routines/event__ring.sql), at their commit,
 * and only while somebody is asleep: a session that holds the sleepers' lock in share mode.
 *
 * <p>A ring says that a commit has happened, not which, and rings that come together count as one.
 */
final class Doorbell {

    private static final Logger LOG = LoggerFactory.getLogger(Doorbell.class);

    /** The same as in routines/event__ring.sql. */
    private static final int SLEEPERS = 1;

    /** Writers hold the lock for an instant each; this is long enough to get in between. */
    private static final Duration SHARE_WITHIN = Duration.ofMillis(100);

    private static final Duration SHARE_EVERY = Duration.ofMillis(5);

    private final Listener listener;

    Doorbell(Listener listener) {
        this.listener = listener;
    }

    /** A mark to pass to {@link #ringsAfter}: rings from here on count. */
    long mark() {
        return listener.heard();
    }

    /** Completes when the bell has rung after the mark. */
    Mono<Void> ringsAfter(long mark) {
        return listener.hearsAfter(mark);
    }

    /**
     * Falls asleep: from now on writers ring. Whoever asked before may still commit silently.
     *
     * @return false if the lock could not be had in time: then nobody may sleep, because nobody would ring
     */
    Mono<Boolean> fallAsleep() {
        return Mono.defer(() -> listener.tryLockShared(SLEEPERS))
                .filter(granted -> granted)
                .repeatWhenEmpty(
                        tries -> tries.take(SHARE_WITHIN.dividedBy(SHARE_EVERY)).delayElements(SHARE_EVERY))
                .switchIfEmpty(Mono.fromSupplier(Doorbell::refused));
    }

    /** Wakes up: the caller looks by itself, so writers need not ring for it. */
    Mono<Void> wakeUp() {
        return listener.unlockShared(SLEEPERS).then();
    }

    private static boolean refused() {
        LOG.warn("bell.unavailable advisory lock (11311, 1) is held by another session (see pg_locks); polling");
        return false;
    }
}
