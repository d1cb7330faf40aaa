package dev.outbox.handler;

import java.time.Duration;
import java.util.function.Predicate;

/**
 * How often and when a subscription tries an event again that failed, and what becomes of it after the last attempt.
 *
 * @param first the delay after the first failure; at least 1 ms
 * @param factor what each further failure multiplies the delay by; at least 1
 * @param cap the longest delay; at most 365 days
 * @param jitter which part of each delay is left to chance, 0 to 1: with 0.5 a delay of 10 s is 5 to 10 s
 * @param attempts how often an event is tried at most; then it is dead
 * @param age how long after its first failure an event is tried at most; then it is dead
 * @param whenDead what becomes of the later events of the key
 * @param isFinal which failures make an event dead at once, beside {@link UndeliverableException}
 */
public record RetryPolicy(
        Duration first,
        double factor,
        Duration cap,
        double jitter,
        int attempts,
        Duration age,
        WhenDead whenDead,
        Predicate<Throwable> isFinal) {

    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration LONGEST = Duration.ofDays(365);

    /** What becomes of the later events of a key when one is dead. */
    public enum WhenDead {
        /** They wait until somebody retries or discards it. */
        BLOCK_KEY,
        /** They go on; the dead event stays to be looked at. */
        GO_ON
    }

    /** After 100 ms, 200 ms, … 5 min, each by half left to chance; dead after 25 attempts, about an hour; the key waits for somebody. */
    public static final RetryPolicy DEFAULT = new RetryPolicy(
            Duration.ofMillis(100),
            2,
            Duration.ofMinutes(5),
            0.5,
            25,
            Duration.ofDays(30),
            WhenDead.BLOCK_KEY,
            error -> false);

    public RetryPolicy {
        if (first.compareTo(SHORTEST) < 0
                || cap.compareTo(first) < 0
                || cap.compareTo(LONGEST) > 0
                || age.isNegative()) {
            throw new IllegalArgumentException(
                    "1 ms <= first <= cap <= 365 days and 0 <= age, but got " + first + ", " + cap + ", " + age);
        }
        if (!(factor >= 1) || !(jitter >= 0 && jitter <= 1) || attempts < 1) {
            throw new IllegalArgumentException("factor >= 1, 0 <= jitter <= 1, attempts >= 1, but got " + factor + ", "
                    + jitter + ", " + attempts);
        }
    }

    public RetryPolicy withDelays(Duration first, double factor, Duration cap, double jitter) {
        return new RetryPolicy(first, factor, cap, jitter, attempts, age, whenDead, isFinal);
    }

    public RetryPolicy withAttempts(int attempts) {
        return new RetryPolicy(first, factor, cap, jitter, attempts, age, whenDead, isFinal);
    }

    public RetryPolicy withAge(Duration age) {
        return new RetryPolicy(first, factor, cap, jitter, attempts, age, whenDead, isFinal);
    }

    public RetryPolicy withWhenDead(WhenDead whenDead) {
        return new RetryPolicy(first, factor, cap, jitter, attempts, age, whenDead, isFinal);
    }

    public RetryPolicy withFinal(Predicate<Throwable> isFinal) {
        return new RetryPolicy(first, factor, cap, jitter, attempts, age, whenDead, isFinal);
    }

    /**
     * How long to wait after a failure.
     *
     * @param failures how many there were, from 1
     * @param chance 0 to 1
     */
    public Duration delay(int failures, double chance) {
        double millis = Math.min(first.toMillis() * Math.pow(factor, failures - 1.0), (double) cap.toMillis());
        return Duration.ofMillis(Math.round(millis * (1 - jitter * chance)));
    }

    /** How long to wait after a failure that says so itself: within the bounds of the policy. */
    public Duration within(Duration asked) {
        return asked.compareTo(first) < 0 ? first : asked.compareTo(cap) > 0 ? cap : asked;
    }

    /** Whether an event that failed so often, the first time so long ago, is given up. */
    public boolean isExhausted(int failures, Duration sinceFirst) {
        return failures >= attempts || sinceFirst.compareTo(age) > 0;
    }
}
