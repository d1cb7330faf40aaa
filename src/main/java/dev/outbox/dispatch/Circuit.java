package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Tells a destination that is down from events that are bad: when attempts fail one after the other, of different keys and with no
 * success in between, the circuit opens. It goes by first attempts: those of events that failed before say more of these events. While it is
 * open nothing is delivered but one probe at a time, after 1 s, 2 s, … 30 s; the first success closes it. A new event need not wait
 * because one that failed before has failed as a probe.
 *
 * <p>Not safe for threads: one at a time.
 */
final class Circuit {

    /** So many failures in a row … */
    private static final int FAILURES = 10;

    /** … of so many keys at least: a single bad key opens nothing. */
    private static final int KEYS = 3;

    private static final Duration PROBE_FIRST = Duration.ofSeconds(1);
    private static final Duration PROBE_CAP = Duration.ofSeconds(30);

    private final LongSupplier millis;
    private final Set<Aggregate> failedKeys = new HashSet<>();
    private int failures;
    private @Nullable String error;
    private Duration pause = PROBE_FIRST;
    private long probeAt;
    private boolean probedParked;

    /**
     * @param millis the time, from any beginning
     * @param error what it was opened by when this subscription last ran; null if it was closed
     */
    Circuit(LongSupplier millis, @Nullable String error) {
        this.millis = millis;
        this.error = error;
        this.probeAt = millis.getAsLong();
    }

    boolean isOpen() {
        return error != null;
    }

    /** The failure that opened it; null if it is closed. */
    @Nullable
    String error() {
        return error;
    }

    /**
     * When the next probe may go, in ms; meant while it is open.
     *
     * @param parked whether with an event that failed before
     */
    long probeAt(boolean parked) {
        return probedParked && !parked ? Math.min(probeAt, millis.getAsLong()) : probeAt;
    }

    boolean mayProbe(boolean parked) {
        return isOpen() && millis.getAsLong() >= probeAt(parked);
    }

    /** An attempt succeeded. @return whether that closed it */
    boolean succeeded() {
        boolean closed = isOpen();
        failures = 0;
        failedKeys.clear();
        error = null;
        pause = PROBE_FIRST;
        return closed;
    }

    /**
     * A first attempt failed in a way that more attempts may mend. While it is open that tells nothing new.
     *
     * @return whether that opened it
     */
    boolean failed(Aggregate key, Throwable cause) {
        if (isOpen()) {
            return false;
        }
        failures++;
        if (failedKeys.size() < KEYS) {
            failedKeys.add(key);
        }
        if (failures < FAILURES || failedKeys.size() < KEYS) {
            return false;
        }
        error = Outcome.describe(cause);
        probedParked = false;
        probeAt = millis.getAsLong() + pause.toMillis();
        return true;
    }

    /** The probe failed: the next one goes after twice the time. */
    void probeFailed(boolean parked) {
        probedParked = parked;
        pause = pause.multipliedBy(2).compareTo(PROBE_CAP) < 0 ? pause.multipliedBy(2) : PROBE_CAP;
        probeAt = millis.getAsLong() + pause.toMillis();
    }
}
