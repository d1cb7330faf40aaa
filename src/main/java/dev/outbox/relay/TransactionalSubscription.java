package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.Page;
import dev.outbox.log.StaleLeaderException;
import java.time.Duration;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Runs a {@link TransactionalHandler}: page by page, the handler's effects and the checkpoint in one transaction. */
final class TransactionalSubscription implements Subscription {

    /** Pages without a wanted event move the checkpoint only this often: coming again, they have no effect. */
    private static final Duration CHECKPOINT_EVERY = Duration.ofMillis(200);

    private final TransactionalHandler handler;
    private final Database database;
    private final Checkpoints checkpoints;
    private final String instance;

    TransactionalSubscription(
            TransactionalHandler handler, Database database, Checkpoints checkpoints, String instance) {
        this.handler = handler;
        this.database = database;
        this.checkpoints = checkpoints;
        this.instance = instance;
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
        Run run = new Run(from);
        return pages.concatMap(run::settle, 1).then(Mono.defer(run::flush));
    }

    private final class Run {

        private Checkpoint last;
        private Checkpoint reached;
        private long storedAt = System.nanoTime();

        Run(Checkpoint from) {
            last = from;
            reached = from;
        }

        Mono<Void> settle(Page page) {
            reached = last.next(page.after());
            if (!page.events().isEmpty()) {
                return attempt(page);
            }
            return System.nanoTime() - storedAt < CHECKPOINT_EVERY.toNanos() ? Mono.empty() : flush();
        }

        private Mono<Void> attempt(Page page) {
            return transaction(page)
                    .onErrorResume(
                            error -> !isOurs(error),
                            error -> transaction(page)
                                    .as(again -> Retries.afterFailure(
                                            again, error, TransactionalSubscription.this::isOurs, what(page))));
        }

        private Mono<Void> transaction(Page page) {
            return database.<Void>inTransaction(
                            connection -> Mono.defer(() -> handler.handle(page.events(), connection))
                                    .then(Mono.defer(() -> checkpoints.append(connection, reached, instance)))
                                    .then(Mono.defer(() -> checkpoints.trim(connection, reached))))
                    .doOnSuccess(committed -> stored());
        }

        Mono<Void> flush() {
            return reached.generation() == last.generation()
                    ? Mono.empty()
                    : checkpoints.append(reached, instance).doOnSuccess(appended -> stored());
        }

        private void stored() {
            last = reached;
            storedAt = System.nanoTime();
        }

        private String what(Page page) {
            return "events=%d first=%d subscription=%s"
                    .formatted(page.events().size(), page.events().get(0).id(), name());
        }
    }

    /** Not the handler's failure: it is not known what was committed, so the position has to be loaded again. */
    private boolean isOurs(Throwable error) {
        return error instanceof DatabaseUnavailableException || error instanceof StaleLeaderException;
    }
}
