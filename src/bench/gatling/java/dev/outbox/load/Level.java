package dev.outbox.load;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A time of constant rate. If more than one in a hundred of its answers are late, its p99 is over the limit.
 *
 * @param request what its requests are called in the report
 */
record Level(String request, int rate, int allowed, AtomicInteger answers, AtomicInteger late) {

    static Level of(int rate, int seconds) {
        return new Level(rate + "/s", rate, rate * seconds / 100);
    }

    /** One that always holds. */
    static Level warmUp(int rate) {
        return new Level("warm-up", rate, Integer.MAX_VALUE);
    }

    private Level(String request, int rate, int allowed) {
        this(request, rate, allowed, new AtomicInteger(), new AtomicInteger());
    }

    void answered(boolean inTime) {
        answers.incrementAndGet();
        if (!inTime) {
            late.incrementAndGet();
        }
    }

    boolean isReached() {
        return answers.get() > 0;
    }

    boolean holds() {
        return late.get() <= allowed;
    }

    @Override
    public String toString() {
        return String.format(
                "%6d/s: %7d answers, %5d late, %s", rate, answers.get(), late.get(), holds() ? "holds" : "breaks");
    }
}
