package dev.outbox.dispatch;

import dev.outbox.database.Database;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.EventLog;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import java.time.Duration;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Runs a {@link TransactionalHandler}: page by page, the handler's effects and the checkpoint in one transaction; beside the pages, the
 * parked events that are due.
 */
public final class TransactionalSubscription implements Subscription {

    private final TransactionalHandler handler;
    private final Wanted wanted;
    private final Duration within;
    /** How many of its transactions go at once: a page, and an event that failed before. */
    public static final int AT_ONCE = 2;

    private final Database database;
    private final EventLog log;
    private final Ledger ledger;
    private final BatchSize batchSize = new BatchSize();
    private final BatchSize parkedBatchSize = new BatchSize();

    private TransactionalSubscription(
            TransactionalHandler handler,
            Wanted wanted,
            Duration within,
            Database database,
            EventLog log,
            Ledger ledger) {
        this.handler = handler;
        this.wanted = wanted;
        this.within = within;
        this.database =
                database.within(within.multipliedBy(2)); // its connection and the storing take as long again at most
        this.log = log;
        this.ledger = ledger;
    }

    /**
     * One for each shard of the handler.
     *
     * @param within how long the handler may take for what it is given at once
     */
    public static Stream<Subscription> of(
            TransactionalHandler handler, Duration within, Database database, EventLog log, Ledger ledger) {
        return IntStream.rangeClosed(1, Math.max(1, handler.shards()))
                .mapToObj(shard -> new Wanted(handler.types(), shard, handler.shards()))
                .map(wanted -> new TransactionalSubscription(handler, wanted, within, database, log, ledger));
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
    public Flux<Position> deliver(Flux<Page> pages, Checkpoint from, Mono<Void> ending) {
        return Flux.defer(() -> {
            RetryPolicy policy = Outcome.asked(handler::retryPolicy);
            return ledger.open(from, true, policy)
                    .map(account -> new TransactionalRun(
                            handler,
                            policy,
                            within,
                            database,
                            log::events,
                            account,
                            batchSize,
                            parkedBatchSize,
                            Schedulers.parallel()))
                    .flatMapMany(run -> run.run(pages, ending));
        });
    }
}
