package dev.outbox.relay;

import dev.outbox.log.Call;
import dev.outbox.logging.LogValue;
import dev.outbox.tail.Count;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Whether operators call, asked once for all subscriptions that an instance runs: when one of them begins to wait, at once, when the
 * database tells, and from time to time, should it not be heard. Asks while somebody waits. A look that fails ends no run, which would repeat
 * what is in hand: the next one follows.
 */
final class Calls {

    private static final Logger LOG = LoggerFactory.getLogger(Calls.class);

    private final Mono<List<Call>> state;
    private final Count told;
    private final Duration lookEvery;
    private final AtomicLong begun = new AtomicLong();
    private final Count waiting = new Count();
    private final Flux<Look> looks = Flux.defer(this::look).repeat().share();

    /**
     * @param state of all subscriptions
     * @param told how often the database has told that an operator called, or of something else
     * @param lookEvery how long to wait for that
     */
    Calls(Mono<List<Call>> state, Count told, Duration lookEvery) {
        this.state = state;
        this.told = told;
        this.lookEvery = lookEvery;
    }

    private record Look(long number, List<Call> calls) {

        boolean finds(String subscription, boolean paused) {
            return calls.stream()
                    .anyMatch(call -> call.subscription().equals(subscription)
                            && (call.actionWaits() || call.paused() != paused));
        }
    }

    /**
     * Waits for an operator.
     *
     * @param paused whether the subscription was paused when its controls were read
     * @return completes when an action waits, or somebody has paused or resumed the subscription by SQL; never fails. What a look
     *     that began earlier found does not count: it may be done by now
     */
    Mono<Void> of(String subscription, boolean paused) {
        return Mono.defer(() -> {
            long before = begun.get();
            return waitFor(subscription, paused, before).and(Mono.fromRunnable(() -> hurry(before)));
        });
    }

    /** Who comes while a look rests does not wait for its end. */
    private void hurry(long before) {
        if (begun.get() == before) {
            waiting.increment();
        }
    }

    private Mono<Void> waitFor(String subscription, boolean paused, long before) {
        return looks.filter(look -> look.number() > before && look.finds(subscription, paused))
                .next()
                .then();
    }

    private Flux<Look> look() {
        long number = begun.incrementAndGet();
        long mark = told.get();
        long waited = waiting.get();
        return state.map(calls -> new Look(number, calls))
                .doOnError(error -> LOG.warn("calls.unknown error=\"{}\"", LogValue.quoted(error)))
                .onErrorComplete()
                .concatWith(Mono.firstWithSignal(
                                told.above(mark),
                                waiting.above(waited),
                                Mono.delay(lookEvery).then())
                        .then(Mono.empty()));
    }
}
