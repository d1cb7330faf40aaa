package dev.outbox.tail;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How many events a reader finds, over the last 100 to 200 ms. Between light and heavy it is neither, so that a steady rate does not
 * change it to and fro.
 *
 * <p>Commits that ring go one at a time, so what is heavy depends on how long a commit takes: it is when the commits of that many events
 * would be under way for three tenths of the time.
 */
final class Traffic {

    private static final long SPAN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final double SHARE = 0.3;

    /** 100 events a second: heavy if a commit takes 3 ms or longer, or if it is not known how long. */
    private static final int HEAVY_AT_LEAST = 10;

    /** 1,000 events a second: from here on the reader is as busy with rings as with looking by itself. */
    private static final int HEAVY_AT_MOST = 100;

    private static final long TIMED_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier nanos;
    private long began;
    private long timed;
    private int before;
    private int now;
    private int heavy = HEAVY_AT_LEAST;

    Traffic(LongSupplier nanos) {
        this.nanos = nanos;
        this.began = nanos.getAsLong();
        this.timed = began - TIMED_EVERY_NANOS;
    }

    /** So many were found just now. */
    void add(int events) {
        move();
        now += events;
    }

    /** Whether it depends on how long a commit takes, and that has not been measured within the last second. */
    boolean asksHowLongACommitTakes() {
        move();
        int most = Math.max(before, now);
        return most >= HEAVY_AT_LEAST / 2 && most < HEAVY_AT_MOST && nanos.getAsLong() - timed >= TIMED_EVERY_NANOS;
    }

    void aCommitTook(Duration length) {
        double bearable = SHARE * SPAN_NANOS / Math.max(1, length.toNanos());
        heavy = (int) Math.max(HEAVY_AT_LEAST, Math.min(HEAVY_AT_MOST, bearable));
        timed = nanos.getAsLong();
    }

    boolean isHeavy() {
        move();
        return now >= heavy;
    }

    /** Fewer than half of what is heavy. */
    boolean isLight() {
        move();
        return 2 * Math.max(before, now) < heavy;
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
