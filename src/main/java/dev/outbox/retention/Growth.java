package dev.outbox.retention;

import java.time.Clock;
import java.time.Duration;

/** How fast ids run: over the last minute that was measured; at first not known, 0. Not for several threads at once. */
final class Growth {

    private static final long SPAN = Duration.ofMinutes(1).toMillis();

    private final Clock clock;
    private long at;
    private long drawn = -1;
    private double perMilli;

    Growth(Clock clock) {
        this.clock = clock;
    }

    /** How many ids will be drawn in a time, as things go. */
    long after(long drawnNow, Duration time) {
        long now = clock.millis();
        if (drawn < 0) {
            at = now;
            drawn = drawnNow;
        } else if (now - at >= SPAN) {
            perMilli = (double) (drawnNow - drawn) / (now - at);
            at = now;
            drawn = drawnNow;
        }
        return (long) (perMilli * time.toMillis());
    }
}
