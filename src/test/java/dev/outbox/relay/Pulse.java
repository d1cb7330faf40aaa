package dev.outbox.relay;

import dev.outbox.TestDatabase;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Asks the server something small ten times a second, on a connection of its own each time, and prints nothing; knows when the machine stood
 * still. Whoever logs waits for the console, an event loop too.
 */
final class Pulse implements AutoCloseable {

    private record Beat(long began, long ended) {}

    private static final int KEPT = 10_000;

    private final TestDatabase database;
    private final Deque<Beat> beats = new ArrayDeque<>();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private long begun = System.nanoTime();

    Pulse(TestDatabase database) {
        this.database = database;
        database.execute("create table beat (n int); insert into beat values (0)");
        var unused = clock.scheduleWithFixedDelay(this::beat, 0, 100, TimeUnit.MILLISECONDS);
    }

    /** From the beginning of a beat to the end of the next one, so that what lies between them counts too. */
    private void beat() {
        try {
            database.execute("update beat set n = n + 1");
            System.out.print("");
        } catch (IllegalStateException e) {
            return; // then the next one that gets through was long
        }
        synchronized (this) {
            long now = System.nanoTime();
            beats.add(new Beat(begun, now));
            begun = now;
            if (beats.size() > KEPT) {
                beats.remove();
            }
        }
    }

    /** The longest time without an answer, of those that ended after that instant or have not ended. */
    synchronized Duration longestSince(long instant) {
        long longest = System.nanoTime() - begun;
        for (Beat beat : beats) {
            if (beat.ended() > instant) {
                longest = Math.max(longest, beat.ended() - beat.began());
            }
        }
        return Duration.ofNanos(longest);
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
