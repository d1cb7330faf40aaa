package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Page;
import dev.outbox.logging.LogValue;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * What becomes of failed attempts of one subscription, and what the log says of it: an event is parked and its key waits, or the
 * circuit opens. Not safe for threads: one at a time.
 */
final class Failures {

    private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

    final ParkedKeys parked;
    final Circuit circuit;
    private final String subscription;

    Failures(String subscription, ParkedKeys parked, Circuit circuit) {
        this.subscription = subscription;
        this.parked = parked;
        this.circuit = circuit;
    }

    /** As they are stored. */
    static Failures of(Account account, RetryPolicy policy, boolean ordered, Scheduler timer) {
        return new Failures(
                account.last().subscription(),
                new ParkedKeys(
                        policy,
                        ordered,
                        () -> Clocks.millis(timer),
                        () -> ThreadLocalRandom.current().nextDouble(),
                        account.parked()),
                new Circuit(() -> Clocks.millis(timer), account.circuit()));
    }

    /** The pages, each with the rows of those of its events that are parked although they come again, and what dead ones hold of it. */
    Flux<Page> expecting(Flux<Page> pages, Account account) {
        return account.parked().aheadUpTo() == 0 && !account.parked().deadAside()
                ? pages
                : pages.concatMap(
                        page -> account.expected(page)
                                .doOnNext(parked::expect)
                                .then(Mono.defer(() -> account.heldByDead(page)))
                                .doOnNext(parked::holdDead)
                                .thenReturn(page),
                        0);
    }

    /** An attempt succeeded. @return whether that closed the circuit */
    boolean succeeded() {
        boolean closed = circuit.succeeded();
        if (closed) {
            LOG.warn("circuit.closed subscription={}", subscription);
        }
        return closed;
    }

    /**
     * Whether a failure is the destination's: while the circuit is open it is not the event's, which keeps its place and its
     * attempts. The failure that opens it is still the event's, and so is that of a new event that went as a probe: a bad one would be
     * probed with for ever, and nothing behind it.
     *
     * @param parked whether the event had failed before: such a failure opens no circuit
     * @param probe whether the attempt was to find out if the destination is back
     */
    boolean isTheDestinations(Aggregate key, Outcome failure, boolean parked, boolean probe) {
        if (!(failure instanceof Outcome.Retry retry)) {
            return false;
        }
        if (circuit.isOpen()) {
            if (probe) {
                circuit.probeFailed(parked);
            }
            return parked || !probe;
        }
        if (!parked && circuit.failed(key, retry.cause())) {
            LOG.warn("circuit.opened subscription={} error=\"{}\"", subscription, LogValue.quoted(circuit.error()));
        }
        return false;
    }

    /** The first event of a key failed. */
    void park(Event event, Outcome failure) {
        report(parked.park(event, failure), failure);
    }

    /** A parked event failed again. */
    void fail(ParkedKeys.Entry entry, Outcome failure) {
        parked.fail(entry, failure);
        report(entry, failure);
    }

    private void report(ParkedKeys.Entry entry, Outcome failure) {
        LOG.warn(
                "delivery.failed event={} aggregate={} key={} subscription={} attempt={} then=\"{}\" error=\"{}\"",
                entry.id,
                LogValue.word(entry.aggregate.type()),
                LogValue.word(entry.aggregate.id()),
                subscription,
                entry.attempts(),
                parked.next(entry),
                LogValue.quoted(Outcome.describe(Outcome.cause(failure))));
    }
}
