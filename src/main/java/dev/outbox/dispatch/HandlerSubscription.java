package dev.outbox.dispatch;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Runs a {@link Handler}: keys side by side, failed ones parked, checkpoints by time. What was delivered since the last checkpoint
 * comes again after a crash.
 */
public final class HandlerSubscription implements Subscription {

    /** A page is asked for while fewer events are in flight. */
    private static final int ROOM = 1_000;

    /** How far the others may run ahead of an event that takes long; they come again after a crash. */
    private static final int WINDOW = 20_000;

    /** With so many parked keys the subscription stops reading: of each the first event is in memory. */
    public static final int PARKED_KEYS = 1_000_000;

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
    public static Stream<Subscription> of(Handler handler, EventLog log, Ledger ledger) {
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
    public Flux<Position> deliver(Flux<Page> pages, Checkpoint from, Mono<Void> ending) {
        return Flux.defer(() -> {
            RetryPolicy policy = Outcome.asked(handler::retryPolicy);
            boolean ordered = Outcome.asked(handler::ordered);
            KeyedDispatcher.Bounds bounds = Outcome.asked(this::bounds);
            Scheduler timer = Schedulers.parallel();
            return ledger.open(from, ordered, policy).flatMapMany(account -> {
                Failures failures = Failures.of(account, policy, ordered, timer);
                return new KeyedDispatcher(new Attempts(account, policy), bounds, timer)
                        .dispatch(
                                failures.expecting(pages, account),
                                account.last().position(),
                                failures,
                                ending)
                        .concatMap(progress -> store(account, progress, ending), 0);
            });
        });
    }

    private static Flux<Position> store(Account account, Progress progress, Mono<Void> ending) {
        return account.store(progress)
                .thenReturn(progress.position())
                .concatWith(pause(ending).then(Mono.<Position>empty()));
    }

    private KeyedDispatcher.Bounds bounds() {
        return new KeyedDispatcher.Bounds(handler.concurrency(), ROOM, WINDOW, PARKED_KEYS, handler.timeout());
    }

    /** Between two checkpoints, in which more progress gathers; none when it is ending. */
    private static Mono<Void> pause(Mono<Void> ending) {
        return Mono.firstWithSignal(Mono.delay(CHECKPOINT_EVERY).then(), ending);
    }

    private final class Attempts implements Deliverer {

        private final Account account;
        private final RetryPolicy policy;

        Attempts(Account account, RetryPolicy policy) {
            this.account = account;
            this.policy = policy;
        }

        @Override
        public String subscription() {
            return name();
        }

        @Override
        public Mono<Outcome> attempt(Event event) {
            return Outcome.of(() -> handler.handle(event.from(account.last().origin())), policy);
        }

        @Override
        public Mono<Event> load(long id) {
            return log.event(id);
        }

        @Override
        public Mono<List<ParkedRow>> next(ParkedKeys.Load load) {
            return account.next(load);
        }
    }
}
