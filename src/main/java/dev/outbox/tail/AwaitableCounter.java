package dev.outbox.tail;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A count that can be waited for; from any thread. */
public final class AwaitableCounter {

    private static final Duration SPIN_AT_MOST = Duration.ofSeconds(1);

    private final AtomicLong count = new AtomicLong();
    private final Sinks.Many<Long> latest = Sinks.many().replay().latestOrDefault(0L);

    public void increment() {
        latest.emitNext(count.incrementAndGet(), Sinks.EmitFailureHandler.busyLooping(SPIN_AT_MOST));
    }

    public long get() {
        return count.get();
    }

    /** Completes when it is higher than that; at once if it is already. */
    public Mono<Void> above(long seen) {
        return latest.asFlux().filter(some -> count.get() > seen).next().then();
    }
}
