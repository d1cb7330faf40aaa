package dev.outbox.bench;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** Commits by SQL, each with its event, while the service reads them: what the bell costs the writers. */
final class WritersScenario implements Bench.Scenario {

    private static final String BELL = "the bell";
    private static final String NONE = "no bell";
    private static final String ALWAYS = "NOTIFY in every transaction";

    private static final String RING_ALWAYS = """
            create or replace function outbox.event__ring() returns trigger
                language plpgsql security definer
                set search_path = pg_catalog, pg_temp
            as $$
            begin
                perform pg_notify('outbox', '');
                return null;
            end
            $$
            """;

    @Override
    @SuppressWarnings("try") // the service runs, nobody asks it anything
    public List<Result> run(Database database, Settings settings) throws Exception {
        List<Result> results = new ArrayList<>();
        database.clean();
        try (Service service = Service.start(database)) {
            for (int connections : settings.smoke() ? List.of(32) : List.of(8, 32, 64)) {
                results.add(compare(database, settings, connections));
            }
        } finally {
            database.restoreBell();
        }
        return results;
    }

    private static Result compare(Database database, Settings settings, int connections) throws Exception {
        SqlLoad load = new SqlLoad(database);
        Side.Work write = () -> List.of(load.run(connections, settings.seconds(10), 1, database.orders()));
        List<Side> sides = new ArrayList<>(List.of(
                new Side(BELL, () -> settled(database, write)),
                new Side(NONE, () -> settled(database, () -> withoutBell(database, write)))));
        List<Bar> bars = new ArrayList<>(List.of(Bar.ratio(0.95, 0.5, "commits", BELL, NONE)));
        if (!settings.smoke()) {
            sides.add(new Side(ALWAYS, () -> settled(database, () -> withBellAlways(database, write))));
        }
        if (!settings.smoke() && connections >= 32) {
            bars.add(Bar.ratio(3, 0, "commits", BELL, ALWAYS));
        }
        return new Pairs(settings)
                .run("commits by " + load.program() + " over " + connections + " connections", sides, bars);
    }

    private static List<Value> settled(Database database, Side.Work write) throws Exception {
        List<Value> values = write.round();
        database.awaitCaughtUp("billing", "notifications");
        return values;
    }

    private static List<Value> withBellAlways(Database database, Side.Work write) throws Exception {
        database.execute(RING_ALWAYS);
        try {
            return write.round();
        } finally {
            database.restoreBell();
        }
    }

    /** The reader is woken from outside now and then: else this side would also save the work of a reader that keeps up. */
    private static List<Value> withoutBell(Database database, Side.Work write) throws Exception {
        database.execute("alter table outbox.event disable trigger ring");
        AtomicBoolean over = new AtomicBoolean();
        CompletableFuture<Void> waking = CompletableFuture.runAsync(() -> wake(database, over));
        try {
            return write.round();
        } finally {
            over.set(true);
            waking.join();
            database.restoreBell();
        }
    }

    private static void wake(Database database, AtomicBoolean over) {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            while (!over.get()) {
                statement.execute("notify outbox");
                LockSupport.parkNanos(20_000_000);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
