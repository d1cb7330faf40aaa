package dev.outbox.bench;

import io.r2dbc.postgresql.PostgresqlConnectionConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A backlog, drained by a handler that counts; beside it the same pages, read by the driver alone, and built peers. */
final class DrainScenario implements Bench.Scenario {

    private static final String OUTBOX = "outbox";
    private static final String DRIVER = "bare r2dbc read";

    private static final int PAGE = 1_000;

    /** The columns of the service's read, decoded alike, from one index and without any check of visibility. */
    private static final String READ = """
            select id, occurred_at, aggregate_type, aggregate_id, type, payload::text as payload, headers::text as headers
            from outbox.event
            where id > $1
            order by id
            limit $2
            """;

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        int events = settings.count(1_000_000);
        List<Peer> peers = settings.smoke() ? List.of() : Peer.built();
        if (peers.isEmpty() && !settings.smoke()) {
            System.out.println("Without peers: mvn -f src/bench/peers package builds them.");
        }
        database.clean();
        try (Service service = Service.start(database, Counting.class)) {
            service.pause(database, "counting");
            fill(database, events);
            PostgresqlConnection reader = connect(database);
            List<Side> sides = new ArrayList<>(List.of(
                    new Side(OUTBOX, () -> List.of(drain(database, service, events))),
                    new Side(DRIVER, () -> List.of(read(reader, events)))));
            peers.forEach(peer -> sides.add(peer.side(database, events)));
            Result result = new Pairs(settings).run("drain of " + events + " events", sides, bars(peers));
            reader.close().block();
            return List.of(result);
        }
    }

    private static List<Bar> bars(List<Peer> peers) {
        List<Bar> bars = new ArrayList<>(
                List.of(Bar.atLeast(100_000, "events", OUTBOX), Bar.ratio(0.6, 0.3, "events", OUTBOX, DRIVER)));
        if (peers.contains(Peer.DEBEZIUM)) {
            bars.add(Bar.ratio(3, 0, "events", OUTBOX, Peer.DEBEZIUM.title()));
        }
        return bars;
    }

    /** Events that nobody but the counter wants. */
    static void fill(Database database, int events) throws Exception {
        database.execute(
                """
                insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                select 'thing', n, 'thing.made', jsonb_build_object('thingId', n, 'parts', '[1, 2, 3]'::jsonb, 'made', now())
                from generate_series(1, %d) n
                """
                        .formatted(events),
                "vacuum analyze outbox.event",
                "checkpoint");
        database.awaitCaughtUp("billing", "notifications");
    }

    /** From the first event to the last, by the handler's clock; the subscription is paused before and after. */
    static Value drain(Database database, Service service, int events) throws Exception {
        Service.rewind(database, "counting");
        service.post("/bench/count/reset");
        service.resume("counting");
        while (true) {
            String[] counted = service.get("/bench/count").split(" ", -1);
            if (Long.parseLong(counted[0]) >= events) {
                service.pause(database, "counting");
                return Value.rate("events", events, Long.parseLong(counted[1]) / 1e9);
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    private static PostgresqlConnection connect(Database database) {
        return new PostgresqlConnectionFactory(PostgresqlConnectionConfiguration.builder()
                        .host("localhost")
                        .port(database.port())
                        .username("postgres")
                        .database("postgres")
                        .forceBinary(true)
                        .build())
                .create()
                .block();
    }

    private static Value read(PostgresqlConnection reader, int events) {
        long began = System.nanoTime();
        long count = page(reader, 0)
                .expand(page -> page.isEmpty() ? Mono.empty() : page(reader, page.get(page.size() - 1)))
                .reduce(0L, (sum, page) -> sum + page.size())
                .blockOptional()
                .orElseThrow();
        if (count != events) {
            throw new IllegalStateException(count + " events were read");
        }
        return Value.rate("events", events, (System.nanoTime() - began) / 1e9);
    }

    private static Mono<List<Long>> page(PostgresqlConnection reader, long after) {
        return Flux.from(reader.createStatement(READ)
                        .bind("$1", after)
                        .bind("$2", PAGE)
                        .execute())
                .concatMap(result -> result.map(DrainScenario::decode))
                .collectList();
    }

    private static Long decode(Readable row) {
        row.get("occurred_at", Instant.class);
        for (String column : List.of("aggregate_type", "aggregate_id", "type", "payload", "headers")) {
            row.get(column, String.class);
        }
        return row.get("id", Long.class);
    }
}
