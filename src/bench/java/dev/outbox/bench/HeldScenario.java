package dev.outbox.bench;

import java.sql.Connection;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * Changes while a REPEATABLE READ reader and a transaction with an xid stay open: the first minute and the last one. They hold back
 * vacuum, and what the readers of the log may take for settled. Beside the same minutes with nothing held: what changes cost grows
 * with autovacuum and checkpoints alone, too.
 */
final class HeldScenario implements Bench.Scenario {

    private static final int PER_SECOND = 5_000;
    private static final int CONNECTIONS = 32;
    private static final int MINUTES = 10;

    private static final String HELD = "held";
    private static final String FREE = "nothing held";
    private static final String COMMITS = "commits, last over first minute";
    private static final String P99 = "p99, last over first minute";
    private static final String LAST_P99 = "p99, last minute";

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        List<Side> sides = List.of(
                new Side(FREE, () -> minutes(database, settings, false)),
                new Side(HELD, () -> minutes(database, settings, true)));
        return List.of(new Pairs(settings)
                .run(
                        MINUTES + " times " + settings.seconds(60) + " s, " + PER_SECOND + " changes/s at most",
                        sides,
                        List.of(
                                Bar.atLeast(0.95, COMMITS, HELD),
                                Bar.atMost(1.2, P99, HELD),
                                Bar.ratioAtMost(1.2, LAST_P99, HELD, FREE))));
    }

    private static List<Value> minutes(Database database, Settings settings, boolean held) throws Exception {
        database.clean();
        int seconds = settings.seconds(60);
        try (Service service = Service.start(database, Arriving.class);
                PacedWriters writers = new PacedWriters(database, service);
                Connection reader = database.connect();
                Connection holder = database.connect()) {
            writers.run(PER_SECOND, seconds, CONNECTIONS);
            if (held) {
                hold(reader, "set transaction isolation level repeatable read", "select count(*) from outbox.event");
                hold(holder, "select pg_current_xact_id()");
            }
            List<Minute> minutes = new ArrayList<>();
            for (int i = 0; i < MINUTES; i++) {
                minutes.add(Minute.of(writers.run(PER_SECOND, seconds, CONNECTIONS)));
                System.out.printf("%s, minute %d: %s%n", held ? HELD : FREE, i + 1, minutes.get(i));
            }
            Minute first = minutes.get(0);
            Minute last = minutes.get(MINUTES - 1);
            return List.of(
                    new Value("commits, first minute", "/s", first.commits()),
                    new Value("commits, last minute", "/s", last.commits()),
                    new Value(COMMITS, "×", last.commits() / first.commits()),
                    new Value("p99, first minute", "ms", first.p99()),
                    new Value(LAST_P99, "ms", last.p99()),
                    new Value(P99, "×", last.p99() / first.p99()));
        }
    }

    private record Minute(double commits, double p50, double p99) {

        static Minute of(List<Value> values) {
            return new Minute(amount(values, "commits"), amount(values, "p50"), amount(values, "p99"));
        }

        private static double amount(List<Value> values, String name) {
            return values.stream()
                    .filter(value -> value.name().equals(name))
                    .findFirst()
                    .orElseThrow()
                    .amount();
        }
    }

    private static void hold(Connection session, String... statements) throws Exception {
        session.setAutoCommit(false);
        try (Statement statement = session.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }
}
