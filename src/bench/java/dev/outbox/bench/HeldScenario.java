package dev.outbox.bench;

import java.sql.Connection;
import java.sql.Statement;
import java.util.List;

/**
 * Changes while a REPEATABLE READ reader and a transaction with an xid stay open: the first minute and the last one. They hold back
 * vacuum, and what the readers of the log may take for settled.
 */
final class HeldScenario implements Bench.Scenario {

    private static final int PER_SECOND = 5_000;
    private static final int CONNECTIONS = 32;
    private static final int MINUTES = 10;

    private static final String FIRST = "first minute";
    private static final String LAST = "last minute";

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        int minute = settings.seconds(60);
        try (Service service = Service.start(database, Arriving.class);
                PacedWriters writers = new PacedWriters(database, service);
                Connection reader = database.connect();
                Connection holder = database.connect()) {
            writers.run(PER_SECOND, minute, CONNECTIONS);
            Side first = new Side(FIRST, () -> {
                hold(reader, "set transaction isolation level repeatable read", "select count(*) from outbox.event");
                hold(holder, "select pg_current_xact_id()");
                return writers.run(PER_SECOND, minute, CONNECTIONS);
            });
            Side last = new Side(LAST, () -> {
                for (int i = 2; i < MINUTES; i++) {
                    writers.run(PER_SECOND, minute, CONNECTIONS);
                }
                List<Value> values = writers.run(PER_SECOND, minute, CONNECTIONS);
                reader.rollback();
                holder.rollback();
                return values;
            });
            return List.of(new Pairs(settings)
                    .run(
                            "a reader and an xid held for " + MINUTES * minute + " s, " + PER_SECOND + " changes/s at most",
                            List.of(first, last),
                            List.of(
                                    Bar.ratio(0.95, 0, "commits", LAST, FIRST),
                                    Bar.ratioAtMost(1.2, "p99", LAST, FIRST))));
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
