package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Wanted;
import java.time.Duration;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Runs a {@link TransactionalHandler}: page by page, the handler's effects and the checkpoint in one transaction; between pages, the
 * parked events that are due.
 */
final class TransactionalSubscription implements Subscription {

    /** How often to look whether a parked event is due, while there are any or a position is to be stored. */
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private final TransactionalHandler handler;
    private final Wanted wanted;
    private final Database database;
    private final EventLog log;
    private final Ledger ledger;
    private final Lot lot = new Lot();

    private TransactionalSubscription(
            TransactionalHandler handler, Wanted wanted, Database database, EventLog log, Ledger ledger) {
        this.handler = handler;
        this.wanted = wanted;
        this.database = database;
        this.log = log;
        this.ledger = ledger;
    }

    /** One for each shard of the handler. */
    static Stream<Subscription> of(TransactionalHandler handler, Database database, EventLog log, Ledger ledger) {
        return IntStream.rangeClosed(1, Math.max(1, handler.shards()))
                .mapToObj(shard -> new Wanted(handler.types(), shard, handler.shards()))
                .map(wanted -> new TransactionalSubscription(handler, wanted, database, log, ledger));
    }

    @Override
    public String handler() {
        return handler.name();
    }

    @Override
    public String kind() {
        return "transactional";
    }

    @Override
    public Wanted wanted() {
        return wanted;
    }

    @Override
    public Mono<Void> deliver(Flux<Page> pages, Checkpoint from) {
        return ledger.open(from, HandlerSubscription.LOADED)
                .map(account -> new TransactionalRun(handler, database, log, account, lot))
                .flatMap(run -> deliver(pages, run));
    }

    private static Mono<Void> deliver(Flux<Page> pages, TransactionalRun run) {
        Sinks.Many<Boolean> left = Sinks.many().replay().latestOrDefault(run.hasMoreToDo());
        Flux<Mono<Void>> work = pages.map(run::settle).doOnComplete(run::end);
        Flux<Mono<Void>> retries = left.asFlux()
                .onBackpressureLatest()
                .concatMap(more -> more ? Mono.delay(LOOK_EVERY) : Mono.empty(), 0)
                .map(tick -> run.retryDue())
                .takeUntilOther(run.ending());
        return Flux.merge(1, work, retries)
                .concatMap(step -> step.doOnSuccess(done -> left.tryEmitNext(run.hasMoreToDo())), 1)
                .then(Mono.defer(run::flush));
    }
}
