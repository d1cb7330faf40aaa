package dev.outbox.relay;

import dev.outbox.log.Checkpoint;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.Event;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import java.time.Duration;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Runs a {@link Handler}: keys side by side, checkpoints by time. What was delivered since the last checkpoint comes again after a
 * crash.
 */
final class HandlerSubscription implements Subscription {

    /** A page is asked for while fewer events are in hand. */
    private static final int ROOM = 1_000;

    /** How far the others may run ahead of an event that takes long; they come again after a crash. */
    private static final int WINDOW = 20_000;

    private static final Duration CHECKPOINT_EVERY = Duration.ofMillis(200);

    private final Handler handler;
    private final Checkpoints checkpoints;
    private final String instance;

    HandlerSubscription(Handler handler, Checkpoints checkpoints, String instance) {
        this.handler = handler;
        this.checkpoints = checkpoints;
        this.instance = instance;
    }

    @Override
    public String name() {
        return handler.name();
    }

    @Override
    public String kind() {
        return "handler";
    }

    @Override
    public Set<String> types() {
        return handler.types();
    }

    @Override
    public Mono<Void> deliver(Flux<Page> pages, Checkpoint from) {
        Checkpointer checkpointer = new Checkpointer(from);
        return new KeyedDispatcher(this::attempt, handler.concurrency(), ROOM, WINDOW)
                .dispatch(pages)
                .sample(CHECKPOINT_EVERY)
                .onBackpressureLatest()
                .concatMap(checkpointer::store, 0)
                .then();
    }

    private Mono<Void> attempt(Event event) {
        return Mono.defer(() -> handler.handle(event)).onErrorResume(error -> retry(event, error));
    }

    /** In place, for as long as it takes: the key waits, the others go on. */
    private Mono<Void> retry(Event event, Throwable first) {
        return Mono.defer(() -> handler.handle(event))
                .as(again -> Retries.afterFailure(again, first, error -> false, what(event)));
    }

    private String what(Event event) {
        return "event=%d key=%s type=%s subscription=%s".formatted(event.id(), event.key(), event.type(), name());
    }

    private final class Checkpointer {

        private Checkpoint last;

        Checkpointer(Checkpoint last) {
            this.last = last;
        }

        Mono<Void> store(Position position) {
            Checkpoint next = last.next(position);
            return checkpoints.append(next, instance).doOnSuccess(stored -> last = next);
        }
    }
}
