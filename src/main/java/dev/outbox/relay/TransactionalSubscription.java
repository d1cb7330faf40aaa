package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import java.time.Duration;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Runs a {@link TransactionalHandler}: page by page, the handler's effects and the checkpoint in one transaction; between pages, the
 * parked events that are due.
 */
final class TransactionalSubscription implements Subscription {

    /** How often to look whether a parked event is due. */
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private final TransactionalHandler handler;
    private final Database database;
    private final EventLog log;
    private final Ledger ledger;
    private final Lot lot = new Lot();

    TransactionalSubscription(TransactionalHandler handler, Database database, EventLog log, Ledger ledger) {
        this.handler = handler;
        this.database = database;
        this.log = log;
        this.ledger = ledger;
    }

    @Override
    public String name() {
        return handler.name();
    }

    @Override
    public String kind() {
        return "transactional";
    }

    @Override
    public Set<String> types() {
        return handler.types();
    }

    @Override
    public Mono<Void> deliver(Flux<Page> pages, Checkpoint from) {
        return ledger.open(from, HandlerSubscription.LOADED)
                .map(account -> new TransactionalRun(handler, database, log, account, lot))
                .flatMap(run -> deliver(pages, run));
    }

    private static Mono<Void> deliver(Flux<Page> pages, TransactionalRun run) {
        Flux<Mono<Void>> work = pages.map(run::settle).doOnComplete(run::end);
        Flux<Mono<Void>> retries = Flux.interval(LOOK_EVERY)
                .onBackpressureDrop()
                .map(tick -> run.retryDue())
                .takeUntilOther(run.ending());
        return Flux.merge(1, work, retries).concatMap(step -> step, 1).then(Mono.defer(run::flush));
    }
}
