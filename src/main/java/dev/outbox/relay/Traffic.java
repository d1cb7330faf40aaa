package dev.outbox.relay;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How many events a reader finds, over the last 100 to 200 ms. Between light and heavy it is neither, so that a steady rate does not
 * change it to and fro.
 */
final class Traffic {

    private static final long SPAN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** 100 events a second: with a flush of 3 ms, commits that all ring can't come faster than 300 a second. */
    private static final int HEAVY = 10;

    /** Fewer than 50 events a second. */
    private static final int LIGHT = 5;

    private final LongSupplier nanos;
    private long began;
    private int before;
    private int now;

    Traffic(LongSupplier nanos) {
        this.nanos = nanos;
        this.began = nanos.getAsLong();
    }

    /** So many were found just now. */
    void add(int events) {
        move();
        now += events;
    }

    boolean isHeavy() {
        move();
        return now >= HEAVY;
    }

    boolean isLight() {
        move();
        return Math.max(before, now) < LIGHT;
    }

    private void move() {
        long spans = (nanos.getAsLong() - began) / SPAN_NANOS;
        if (spans > 0) {
            before = spans == 1 ? now : 0;
            now = 0;
            began += spans * SPAN_NANOS;
        }
    }
}
