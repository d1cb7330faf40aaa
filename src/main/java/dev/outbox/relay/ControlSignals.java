package dev.outbox.relay;

import dev.outbox.log.ControlSignal;
import dev.outbox.logging.LogValue;
import dev.outbox.tail.AwaitableCounter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Whether operators signal, asked once for all subscriptions that an instance runs: when one of them begins to wait, at once, when the
 * database tells, and from time to time, should it not be heard. Asks while somebody waits. A poll that fails ends no run, which would repeat
 * what is in flight: the next one follows.
 */
final class ControlSignals {

    private static final Logger LOG = LoggerFactory.getLogger(ControlSignals.class);

    private final Mono<List<ControlSignal>> state;
    private final AwaitableCounter notified;
    private final Duration pollEvery;
    private final AtomicLong begun = new AtomicLong();
    private final AwaitableCounter waiting = new AwaitableCounter();
    private final Flux<Poll> polls = Flux.defer(this::poll).repeat().share();

    /**
     * @param state of all subscriptions
     * @param notified how often the database has notified of an operator, or of something else
     * @param pollEvery how long to wait for that
     */
    ControlSignals(Mono<List<ControlSignal>> state, AwaitableCounter notified, Duration pollEvery) {
        this.state = state;
        this.notified = notified;
        this.pollEvery = pollEvery;
    }

    private record Poll(long number, List<ControlSignal> signals) {

        boolean finds(String subscription, boolean paused) {
            return signals.stream()
                    .anyMatch(signal -> signal.subscription().equals(subscription)
                            && (signal.actionWaits() || signal.paused() != paused));
        }
    }

    /**
     * Waits for an operator.
     *
     * @param paused whether the subscription was paused when its desired state was read
     * @return completes when an action waits, or somebody has paused or resumed the subscription by SQL; never fails. What a poll
     *     that began earlier found does not count: it may be done by now
     */
    Mono<Void> of(String subscription, boolean paused) {
        return Mono.defer(() -> {
            long before = begun.get();
            return waitFor(subscription, paused, before).and(Mono.fromRunnable(() -> hurry(before)));
        });
    }

    /** Who comes while a poll rests does not wait for its end. */
    private void hurry(long before) {
        if (begun.get() == before) {
            waiting.increment();
        }
    }

    private Mono<Void> waitFor(String subscription, boolean paused, long before) {
        return polls.filter(poll -> poll.number() > before && poll.finds(subscription, paused))
                .next()
                .then();
    }

    private Flux<Poll> poll() {
        long number = begun.incrementAndGet();
        long mark = notified.get();
        long waited = waiting.get();
        return state.map(signals -> new Poll(number, signals))
                .doOnError(error -> LOG.warn("signals.unknown error=\"{}\"", LogValue.quoted(error)))
                .onErrorComplete()
                .concatWith(Mono.firstWithSignal(
                                notified.above(mark),
                                waiting.above(waited),
                                Mono.delay(pollEvery).then())
                        .then(Mono.empty()));
    }
}
