package dev.outbox.relay;

import java.time.Duration;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;

/** How an attempt ended; every ending of a handler is folded into one here. */
sealed interface Outcome {

    /** The event is dealt with. */
    record Delivered() implements Outcome {}

    /**
     * It failed and may succeed later.
     *
     * @param after how long to wait, if the failure said so; null to go by the subscription's policy
     */
    record Retry(Throwable cause, @Nullable Duration after) implements Outcome {}

    /** It failed, and trying again will not help. */
    record Dead(Throwable cause) implements Outcome {}

    Logger LOG = LoggerFactory.getLogger(Outcome.class);

    Outcome DELIVERED = new Delivered();

    /** The outcome of an attempt; fails only with what no attempt can be blamed for, such as a JVM that is out of memory. */
    static Mono<Outcome> of(Mono<Void> attempt, RetryPolicy policy) {
        return attempt.thenReturn(DELIVERED).onErrorResume(error -> Mono.fromSupplier(() -> failure(error, policy)));
    }

    static Outcome failure(Throwable error, RetryPolicy policy) {
        Exceptions.throwIfJvmFatal(error);
        if (error instanceof UndeliverableException || isFinal(error, policy)) {
            return new Dead(error);
        }
        return new Retry(error, error instanceof RetryLaterException later ? later.after() : null);
    }

    /** A policy that fails itself says nothing of the event. */
    private static boolean isFinal(Throwable error, RetryPolicy policy) {
        try {
            return policy.isFinal().test(error);
        } catch (RuntimeException ofThePolicy) {
            LOG.warn("policy.failed error=\"{}\"", describe(ofThePolicy));
            return false;
        }
    }

    static Throwable cause(Outcome failure) {
        if (failure instanceof Retry retry) {
            return retry.cause();
        }
        if (failure instanceof Dead dead) {
            return dead.cause();
        }
        throw new IllegalArgumentException("Not a failure: " + failure);
    }

    /** What is kept of a failure: its kind and its message, shortened. */
    static String describe(Throwable error) {
        String text = text(error);
        return text.length() <= 1_000 ? text : text.substring(0, 1_000);
    }

    /** An exception of others may say nothing, or fail when it is asked. */
    private static String text(Throwable error) {
        try {
            String text = error instanceof TimeoutException ? "timed out: " + error.getMessage() : error.toString();
            return text == null ? error.getClass().getName() : text;
        } catch (RuntimeException ofTheError) {
            return error.getClass().getName();
        }
    }
}
