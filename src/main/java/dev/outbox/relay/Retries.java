package dev.outbox.relay;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** How often a delivery that failed is tried again: after 100 ms, 200 ms, … 30 s, each with half as much of chance, without end. */
final class Retries {

    private static final Logger LOG = LoggerFactory.getLogger(Retries.class);

    private static final Duration FIRST = Duration.ofMillis(100);
    private static final Duration CAP = Duration.ofSeconds(30);

    private Retries() {}

    /**
     * Tries again until it succeeds, after a first attempt that failed.
     *
     * @param delivery the attempt
     * @param first how the first one failed
     * @param endsIt which later failures are not to be retried
     * @param what key=value pairs for the log
     */
    static Mono<Void> afterFailure(Mono<Void> delivery, Throwable first, Predicate<Throwable> endsIt, String what) {
        Exceptions.throwIfJvmFatal(first);
        return delivery.delaySubscription(pause(1, first, what))
                .retryWhen(Retry.from(failures -> failures.concatMap(
                        failure -> endsIt.test(failure.failure())
                                ? Mono.error(failure.failure())
                                : Mono.delay(pause(failure.totalRetries() + 2, failure.failure(), what)),
                        1)));
    }

    private static Duration pause(long failures, Throwable error, String what) {
        long doubled = FIRST.toMillis() << Math.min(failures - 1, 10);
        long capped = Math.min(doubled, CAP.toMillis());
        Duration pause =
                Duration.ofMillis(capped / 2 + ThreadLocalRandom.current().nextLong(capped / 2 + 1));
        LOG.warn(
                "delivery.failed {} attempt={} retry_in_ms={} error=\"{}\"",
                what,
                failures,
                pause.toMillis(),
                error.toString());
        return pause;
    }
}
