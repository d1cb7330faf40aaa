package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Wanted;
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

    private final TransactionalHandler handler;
    private final Wanted wanted;
    private final Database database;
    private final EventLog log;
    private final Ledger ledger;
    private final Lot lot = new Lot();
    private final Lot parkedLot = new Lot();

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
    public Mono<Void> deliver(Flux<Page> pages, Checkpoint from, Mono<Void> ending) {
        return Mono.defer(() -> ledger.open(from, true, handler.retryPolicy()))
                .map(account -> new TransactionalRun(handler, database, log, account, lot, parkedLot))
                .flatMap(run -> deliver(run.expecting(pages), run, ending));
    }

    /** While there are pages their steps look after parked events too; else those are tried when they are due. */
    private static Mono<Void> deliver(Flux<Page> pages, TransactionalRun run, Mono<Void> ending) {
        Sinks.Many<Long> left = Sinks.many().replay().latestOrDefault(run.nextAt());
        Flux<Mono<Void>> work = pages.concatMap(run::steps, 0)
                .takeUntilOther(ending.doOnSuccess(told -> run.end()))
                .doOnComplete(run::end);
        Flux<Mono<Void>> retries = left.asFlux()
                .onBackpressureLatest()
                .concatMap(run::until, 0)
                .map(tick -> run.whileIdle())
                .takeUntilOther(run.ending());
        return Flux.merge(1, work, retries)
                .concatMap(step -> step.doOnSuccess(done -> left.tryEmitNext(run.nextAt())), 1)
                .then(Mono.defer(run::flush));
    }
}
