package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Wanted;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The handler of a {@link SubscriptionModel} in one instance, of either kind. */
final class ModelHandler {

    private final SubscriptionModel model;
    private final Setup setup;
    private final Map<Aggregate, Long> inFlight = new ConcurrentHashMap<>();
    private volatile boolean crashed;

    /** What may differ from one version of a handler to the next, and what may not. */
    record Setup(
            boolean transactional,
            boolean ordered,
            int shards,
            int concurrency,
            java.time.Duration stopWithin,
            RetryPolicy policy) {

        Setup version(boolean nowOrdered, int nowShards) {
            return new Setup(transactional, nowOrdered, nowShards, concurrency, stopWithin, policy);
        }

        List<String> names() {
            return IntStream.rangeClosed(1, shards)
                    .mapToObj(shard -> new Wanted(Set.of(), shard, shards).name(SubscriptionModel.NAME))
                    .toList();
        }
    }

    ModelHandler(SubscriptionModel model, Setup setup) {
        this.model = model;
        this.setup = setup;
    }

    /** What it has in flight goes nowhere. */
    void crash() {
        crashed = true;
    }

    List<Handler> handlers() {
        return setup.transactional() ? List.of() : List.of(new OneByOne());
    }

    List<TransactionalHandler> transactional() {
        return setup.transactional() ? List.of(new InTheTransaction()) : List.of();
    }

    private final class OneByOne implements Handler {

        @Override
        public String name() {
            return SubscriptionModel.NAME;
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            return Mono.defer(() -> {
                if (crashed) {
                    return Mono.never();
                }
                if (setup.ordered() && inFlight.putIfAbsent(event.aggregate(), event.id()) != null) {
                    model.complaints.add("order: two of the key " + event.aggregate() + " at once");
                }
                return model.attempt(event)
                        .then(Mono.<Void>fromRunnable(() -> deliver(event)))
                        .doOnTerminate(() -> inFlight.remove(event.aggregate(), event.id()))
                        .doOnCancel(() -> inFlight.remove(event.aggregate(), event.id()));
            });
        }

        private void deliver(Event event) {
            if (!crashed) {
                model.delivered(event, setup.ordered());
            }
        }

        @Override
        public int concurrency() {
            return setup.concurrency();
        }

        @Override
        public boolean ordered() {
            return setup.ordered();
        }

        @Override
        public RetryPolicy retryPolicy() {
            return setup.policy();
        }

        @Override
        public int shards() {
            return setup.shards();
        }
    }

    /** Takes as long as the first event that takes a while, and fails with the first that fails. */
    private final class InTheTransaction implements TransactionalHandler {

        @Override
        public String name() {
            return SubscriptionModel.NAME;
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            return Database.update(
                            connection,
                            "insert into effect (event_id, key, replayed) select * from unnest($1::bigint[], $2::text[], $3::boolean[])",
                            events.stream().map(Event::id).toArray(Long[]::new),
                            events.stream().map(Event::key).toArray(String[]::new),
                            events.stream().map(Event::replayed).toArray(Boolean[]::new))
                    .then(Mono.defer(() -> crashed
                            ? Mono.never()
                            : Flux.fromIterable(events)
                                    .concatMap(model::attempt, 1)
                                    .then()));
        }

        @Override
        public RetryPolicy retryPolicy() {
            return setup.policy();
        }

        @Override
        public int shards() {
            return setup.shards();
        }
    }
}
