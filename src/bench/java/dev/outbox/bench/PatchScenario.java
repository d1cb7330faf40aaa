package dev.outbox.bench;

import dev.outbox.shop.orders.SingleChanges;
import java.util.ArrayList;
import java.util.List;

/** PATCH /orders/update over 64 connections that are kept, each change of another order, durable with its event. */
final class PatchScenario implements Bench.Scenario {

    private static final int CONNECTIONS = 64;

    private static final String PATCH = "PATCH /orders/update";
    private static final String NOTHING = "a route that does nothing";
    private static final String SINGLE = "each change a statement";

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        int requests = settings.count(40_000);
        SqlLoad sql = new SqlLoad(database);
        String direct = sql.program() + ", no HTTP";
        int half = database.orders() / 2;
        database.clean();
        try (Service service = Service.start(database, Nothing.class, SingleChanges.class);
                HttpLoad http = new HttpLoad(service.port(), CONNECTIONS)) {
            Changes changes = new Changes(half);
            Changes ignored = new Changes(half);
            List<Side> sides = new ArrayList<>();
            sides.add(new Side(
                    PATCH, () -> settled(database, http.run(changes.requests("/orders/update", requests)))));
            sides.add(new Side(NOTHING, () -> http.run(ignored.requests("/bench/nothing", requests))));
            if (!settings.smoke()) {
                sides.add(new Side(direct, () -> settled(database, List.of(commits(sql, settings, half)))));
                sides.add(new Side(
                        SINGLE,
                        () -> settled(database, http.run(changes.requests("/bench/orders/update", requests)))));
            }
            return List.of(new Pairs(settings)
                    .run(
                            PATCH + " over " + CONNECTIONS + " connections",
                            sides,
                            List.of(
                                    Bar.atLeast(8_000, "requests", PATCH),
                                    Bar.atMost(25, "p99", PATCH),
                                    Bar.ratio(0.5, 0.07, "requests", PATCH, NOTHING))));
        }
    }

    /** On orders of their own; the same name as the others, to be compared with them. */
    private static Value commits(SqlLoad sql, Settings settings, int half) throws Exception {
        double rate = sql.run(CONNECTIONS, settings.seconds(8), half + 1, 2 * half)
                .amount();
        return new Value("requests", "/s", rate);
    }

    private static List<Value> settled(Database database, List<Value> values) throws Exception {
        database.awaitCaughtUp("billing", "notifications");
        return values;
    }
}
