package dev.outbox.relay;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import reactor.core.publisher.Mono;

/** A transactional handler whose effect is a row for each event, in the order in which it was handed them; then it does as the test says. */
class Effects implements TransactionalHandler {

    static final String NAME = "effects";

    private final Function<List<Event>, Mono<Void>> then;
    private final RetryPolicy policy;

    /** @param then what it does when the rows are written; what fails there rolls them back */
    Effects(RetryPolicy policy, Function<List<Event>, Mono<Void>> then) {
        this.policy = policy;
        this.then = then;
    }

    static void createTable(TestDatabase database) {
        database.execute("create table effect (number bigint generated always as identity, event_id bigint not null,"
                + " key text not null, replayed boolean not null, at timestamptz not null default clock_timestamp())");
    }

    /** As {@code id:key}, with a star for those that were marked as replayed, in the order in which they came. */
    static String of(TestDatabase database, String condition) {
        return database.value(
                "select coalesce(string_agg(event_id || ':' || key || case when replayed then '*' else '' end, ' ' order by number), '')"
                        + " from effect where " + condition);
    }

    static long count(TestDatabase database, String condition) {
        return database.number("select count(*) from effect where " + condition);
    }

    static void awaitCount(TestDatabase database, long count, Duration atMost) {
        Deliveries.await(() -> count(database, "true") >= count, atMost, count + " effects");
    }

    @Override
    public String name() {
        return NAME;
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
                .then(Mono.defer(() -> then.apply(events)));
    }

    @Override
    public RetryPolicy retryPolicy() {
        return policy;
    }
}
