package dev.outbox.relay;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Watches how long this machine stands still: a thread that only sleeps for a millisecond notes when it woke up late. What such a
 * thread lost, nothing else on the machine could have used.
 */
final class Hiccups implements AutoCloseable {

    private static final long NOTED = Duration.ofMillis(20).toNanos();

    private final Map<Long, Long> stalls = new ConcurrentSkipListMap<>();
    private volatile boolean open = true;

    Hiccups() {
        Thread watcher = new Thread(this::watch, "hiccups");
        watcher.setDaemon(true);
        watcher.start();
    }

    /** How much of the time between two instants of {@link System#nanoTime()} was lost. */
    long lostBetween(long from, long to) {
        return stalls.entrySet().stream()
                .mapToLong(stall -> Math.max(0, Math.min(to, stall.getValue()) - Math.max(from, stall.getKey())))
                .sum();
    }

    private void watch() {
        long last = System.nanoTime();
        while (open) {
            LockSupport.parkNanos(1_000_000);
            long now = System.nanoTime();
            if (now - last > NOTED) {
                stalls.put(last, now);
            }
            last = now;
        }
    }

    @Override
    public void close() {
        open = false;
    }
}
