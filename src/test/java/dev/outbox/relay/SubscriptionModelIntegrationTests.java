package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.Exceptions;

/**
 * Holds subscriptions to what is promised, whatever happens to them: many short {@linkplain SubscriptionHistory histories}, drawn by chance, some
 * side by side. Each has a seed, which is printed if something was wrong.
 *
 * <ul>
 *   <li>{@code -Doutbox.test.seconds=…} searches for so long, 40 s if it says nothing
 *   <li>{@code -Doutbox.test.seed=…} runs the history of that seed until it fails, as the machine interleaves it each time
 *   <li>{@code -Doutbox.test.mood=…} draws histories of one {@linkplain SubscriptionHistory.Mood mood} only
 * </ul>
 */
class SubscriptionModelIntegrationTests {

    private static final int SIDE_BY_SIDE = 4;

    /** An event loop that is busy for so long keeps everybody waiting who shares it. */
    private static final Duration BUSY = Duration.ofSeconds(2);

    /** So many are enough to see what they have in common. */
    private static final int ENOUGH = Integer.getInteger("outbox.test.enough", 3);

    private final Long seed = Long.getLong("outbox.test.seed");
    private final Random random = new Random(seed == null ? System.nanoTime() : seed);
    private final long began = System.nanoTime();
    private final long until = began + TimeUnit.SECONDS.toNanos(Long.getLong("outbox.test.seconds", 40));
    private final SubscriptionHistory.Mood mood = System.getProperty("outbox.test.mood") == null
            ? null
            : SubscriptionHistory.Mood.valueOf(System.getProperty("outbox.test.mood"));
    private final List<String> found = new ArrayList<>();
    private final AtomicInteger histories = new AtomicInteger();

    @Test
    void effectsAreOnceKeysKeepTheirOrderNothingIsLostAndEverythingSettles() throws Exception {
        ExecutorService lanes = Executors.newFixedThreadPool(SIDE_BY_SIDE);
        EventLoopWatch watch = new EventLoopWatch();
        try (watch) {
            List<Future<?>> searches = new ArrayList<>();
            for (int lane = 0; lane < SIDE_BY_SIDE; lane++) {
                searches.add(lanes.submit(this::search));
            }
            for (Future<?> search : searches) {
                search.get();
            }
        } finally {
            lanes.shutdownNow();
        }
        System.out.printf(
                "subscription model: %d histories in %d s, an event loop busy for %d ms at most%n",
                histories.get(), seconds(), watch.longest().toMillis());
        assertThat(found).isEmpty();
        assertThat(watch.longest()).as(watch::where).isLessThan(BUSY);
    }

    private void search() {
        TestDatabase database = TestDatabase.fresh();
        Effects.createTable(database);
        while (goesOn()) {
            long its = next();
            SubscriptionHistory history = new SubscriptionHistory(database, its, mood);
            List<String> complaints = complaints(history);
            histories.incrementAndGet();
            if (!complaints.isEmpty()) {
                note("seed " + its + " after " + seconds() + " s: "
                        + complaints.subList(0, Math.min(5, complaints.size())) + "\n    " + history.told() + "\n      "
                        + history.actions());
            }
        }
    }

    private static List<String> complaints(SubscriptionHistory history) {
        try {
            return history.run();
        } catch (RuntimeException e) {
            return List.of("broken: " + Exceptions.unwrap(e));
        }
    }

    private synchronized boolean goesOn() {
        return System.nanoTime() < until && found.size() < ENOUGH;
    }

    private synchronized long next() {
        return seed == null ? random.nextInt() : seed;
    }

    private synchronized void note(String failure) {
        System.out.println("subscription model: " + failure);
        found.add(failure);
    }

    private long seconds() {
        return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
    }
}
