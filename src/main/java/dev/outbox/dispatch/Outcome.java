package dev.outbox.dispatch;

import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.handler.RetryLaterException;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.logging.LogValue;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/** How an attempt ended; every ending of a handler is folded into one here. */
public sealed interface Outcome {

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

    /** So much of the text of a failure is kept. */
    int KEPT = 1_000;

    /** The outcome of an attempt; never fails. */
    static Mono<Outcome> of(Supplier<Mono<Void>> attempt, RetryPolicy policy) {
        return new Attempt(attempt)
                .thenReturn(DELIVERED)
                .onErrorResume(error -> Mono.fromSupplier(() -> failure(error, policy)));
    }

    /** What a handler says of how it is to be run. Fails with an exception whatever it throws, as an {@link Attempt} does. */
    static <T> T asked(Supplier<T> function) {
        try {
            return Objects.requireNonNull(function.get());
        } catch (Throwable thrown) {
            throw new IllegalStateException(
                    "The handler does not say how it is to be run: " + describe(thrown), thrown);
        }
    }

    static Outcome failure(Throwable error, RetryPolicy policy) {
        if (error instanceof UndeliverableException || isFinal(error, policy)) {
            return new Dead(error);
        }
        return new Retry(error, error instanceof RetryLaterException later ? later.after() : null);
    }

    /** A policy that fails itself says nothing of the event. */
    private static boolean isFinal(Throwable error, RetryPolicy policy) {
        try {
            return policy.isFinal().test(error);
        } catch (Throwable ofThePolicy) {
            LOG.warn("policy.failed error=\"{}\"", LogValue.quoted(describe(ofThePolicy)));
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

    /** What is kept of a failure: its kind and its message, shortened, and without what a text of PostgreSQL can't hold. */
    static String describe(Throwable error) {
        String text = text(error);
        return text.substring(0, Math.min(text.length(), KEPT))
                .codePoints()
                .map(point -> isStorable(point) ? point : '\ufffd')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static boolean isStorable(int point) {
        return point != 0 && (point < Character.MIN_SURROGATE || point > Character.MAX_SURROGATE);
    }

    /** An exception of others may say nothing, or fail when it is asked. */
    private static String text(Throwable error) {
        if (error instanceof DatabaseUnavailableException && error.getCause() != null) {
            return error.getMessage() + ": " + text(error.getCause());
        }
        try {
            String text = error instanceof TimeoutException ? "timed out: " + error.getMessage() : error.toString();
            return text == null ? error.getClass().getName() : text;
        } catch (Throwable ofTheError) {
            return error.getClass().getName();
        }
    }
}
