package dev.outbox.bench;

import java.util.ArrayList;
import java.util.List;
import org.postgresql.PGConnection;
import java.sql.Connection;
import java.sql.Statement;

/** How often commits ring, and how soon they are heard of, from a commit now and then to as many as there can be. */
final class BellScenario implements Bench.Scenario {

    private static final int CONNECTIONS = 32;

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        try (Service service = Service.start(database, Arriving.class);
                PacedWriters writers = new PacedWriters(database, service);
                Connection listener = database.connect()) {
            listen(listener);
            List<Side> sides = new ArrayList<>();
            for (int rate : new int[] {10, 100, 1_000, 10_000}) {
                int seconds = Math.max(settings.seconds(10), 100 / rate);
                sides.add(new Side(
                        "at most " + rate + " commits/s", () -> ring(writers, listener, rate, seconds)));
            }
            return List.of(new Pairs(settings).run("rings and waits", sides, List.of()));
        }
    }

    private static void listen(Connection listener) throws Exception {
        try (Statement statement = listener.createStatement()) {
            statement.execute("listen outbox");
        }
    }

    /** A transaction that notifies does it once, so each notification is a commit that rang. */
    private static List<Value> ring(PacedWriters writers, Connection listener, int rate, int seconds) throws Exception {
        notifications(listener);
        List<Value> values = new ArrayList<>(writers.run(rate, seconds, CONNECTIONS));
        double rings = 1_000.0 * notifications(listener) / writers.changes(rate, seconds);
        values.add(new Value("rings", "/1,000 commits", rings));
        return values;
    }

    /** How many there were since it was asked last. */
    private static int notifications(Connection listener) throws Exception {
        try (Statement statement = listener.createStatement()) {
            statement.execute("select 1");
        }
        return listener.unwrap(PGConnection.class).getNotifications().length;
    }
}
