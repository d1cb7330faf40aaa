package dev.outbox.relay;

import dev.outbox.log.Checkpoint;
import dev.outbox.log.Event;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Wanted;
import java.time.Duration;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Runs a {@link Handler}: keys side by side, failed ones parked, checkpoints by time. What was delivered since the last checkpoint
 * comes again after a crash.
 */
final class HandlerSubscription implements Subscription {

    /** A page is asked for while fewer events are in hand. */
    private static final int ROOM = 1_000;

    /** How far the others may run ahead of an event that takes long; they come again after a crash. */
    private static final int WINDOW = 20_000;

    /** With so many parked events the subscription stops reading: it is bounded by memory. */
    static final int PARKED = 200_000;

    /** All that are parked have to be known, or a key would seem free: more than reading and replays can have parked. */
    static final int LOADED = 1_000_000;

    private static final Duration CHECKPOINT_EVERY = Duration.ofMillis(200);

    private final Handler handler;
    private final Wanted wanted;
    private final EventLog log;
    private final Ledger ledger;

    private HandlerSubscription(Handler handler, Wanted wanted, EventLog log, Ledger ledger) {
        this.handler = handler;
        this.wanted = wanted;
        this.log = log;
        this.ledger = ledger;
    }

    /** One for each shard of the handler. */
    static Stream<Subscription> of(Handler handler, EventLog log, Ledger ledger) {
        return IntStream.rangeClosed(1, Math.max(1, handler.shards()))
                .mapToObj(shard -> new Wanted(handler.types(), shard, handler.shards()))
                .map(wanted -> new HandlerSubscription(handler, wanted, log, ledger));
    }

    @Override
    public String handler() {
        return handler.name();
    }

    @Override
    public String kind() {
        return "handler";
    }

    @Override
    public Wanted wanted() {
        return wanted;
    }

    @Override
    public Mono<Void> deliver(Flux<Page> pages, Checkpoint from) {
        return ledger.open(from, LOADED).flatMap(account -> deliver(pages, account));
    }

    private Mono<Void> deliver(Flux<Page> pages, Ledger.Account account) {
        Scheduler timer = Schedulers.parallel();
        Sinks.Empty<Void> ending = Sinks.empty();
        Failures failures = Failures.of(account, handler.retryPolicy(), timer);
        return new KeyedDispatcher(new Attempts(), bounds(), timer)
                .dispatch(
                        pages.doOnComplete(ending::tryEmitEmpty), account.last().position(), failures)
                .concatMap(progress -> account.store(progress).then(pause(ending)), 0)
                .then();
    }

    private KeyedDispatcher.Bounds bounds() {
        return new KeyedDispatcher.Bounds(handler.concurrency(), ROOM, WINDOW, PARKED, handler.timeout());
    }

    /** Between two checkpoints, in which more progress gathers; none when it is ending. */
    private static Mono<Void> pause(Sinks.Empty<Void> ending) {
        return Mono.firstWithSignal(Mono.delay(CHECKPOINT_EVERY).then(), ending.asMono());
    }

    private final class Attempts implements Deliverer {

        @Override
        public String subscription() {
            return name();
        }

        @Override
        public String key(Event event) {
            return handler.ordered() ? event.key() : Long.toString(event.id());
        }

        @Override
        public Mono<Outcome> attempt(Event event) {
            return Outcome.of(Mono.defer(() -> handler.handle(event)), handler.retryPolicy());
        }

        @Override
        public Mono<Event> load(long id) {
            return log.event(id);
        }
    }
}
