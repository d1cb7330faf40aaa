package dev.outbox.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** What looks and reads cost with more and more events in the log, and with more and more subscriptions at its end. */
final class GrowthScenario implements Bench.Scenario {

    private static final int CHANGES = 200;

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        List<Result> results = new ArrayList<>();
        for (int events : sizes(settings)) {
            database.clean();
            try (Service service = Service.start(database, Counting.class)) {
                service.pause(database, "counting");
                DrainScenario.fill(database, events);
            }
            results.add(compare(database, settings, events));
        }
        return results;
    }

    /** Ten million only where it was asked for. */
    private static List<Integer> sizes(Settings settings) {
        double factor = Math.min(1, settings.size());
        List<Integer> sizes = new ArrayList<>(List.of((int) (100_000 * factor), (int) (1_000_000 * factor)));
        if (settings.size() >= 10) {
            sizes.add(10_000_000);
        }
        return sizes;
    }

    private static Result compare(Database database, Settings settings, int events) throws Exception {
        List<Side> sides = new ArrayList<>();
        List<Bar> bars = new ArrayList<>();
        for (int tails : new int[] {1, 10, 50}) {
            String name = tails + " at the tail";
            sides.add(new Side(name, () -> look(database, events, tails)));
            bars.add(Bar.atMost(0.5, "empty look", name));
        }
        return new Pairs(settings).run("a log of " + events + " events", sides, bars);
    }

    private static List<Value> look(Database database, int events, int tails) throws Exception {
        placeAtTheEnd(database, tails);
        List<String> flags = new ArrayList<>(database.serviceProperties());
        flags.add("-D" + Tails.COUNT + "=" + tails);
        try (Service service =
                Service.launch(flags, Tails.class, Counting.class, Looking.class).awaitReady()) {
            List<Value> values = new ArrayList<>();
            values.add(new Value("empty look", "ms", Long.parseLong(service.get("/bench/empty-looks")) / 1e6));
            values.add(new Value("page read", "ms", Long.parseLong(service.get("/bench/pages")) / 1e6));
            values.add(DrainScenario.drain(database, service, events));
            values.add(new Value("transactions", "/change", transactionsPerChange(database)));
            return values;
        }
    }

    /** Where billing is, so that only the counter has something to drain. */
    private static void placeAtTheEnd(Database database, int tails) throws Exception {
        String names = "(select 'tail-' || n as name from generate_series(1, " + tails + ") n) t";
        database.execute(
                "delete from outbox.checkpoint where subscription like 'tail-%'",
                "insert into outbox.subscription (name, kind, types) select name, 'handler', '{}' from " + names
                        + " on conflict do nothing",
                """
                insert into outbox.checkpoint (subscription, generation, done, barrier, high, target, target_barrier,
                    target_high, last, system_identifier, instance)
                select t.name, coalesce((select last + 1 from outbox.generation where subscription = t.name), 0),
                    c.done, c.barrier, c.high, c.target, c.target_barrier, c.target_high, c.last,
                    c.system_identifier, c.instance
                from (select * from outbox.checkpoint where subscription = 'billing' order by generation desc limit 1) c
                cross join\s"""
                        + names);
    }

    /** What changes cost the server in reads and checkpoints, 100 of them a second, with the change itself. */
    private static double transactionsPerChange(Database database) throws Exception {
        String count = "select xact_commit from pg_stat_database where datname = current_database()";
        Thread.sleep(2_000); // the server counts with a delay of a second
        long before = database.number(count);
        try (Connection connection = database.connect();
                PreparedStatement update = connection.prepareStatement(SqlWriters.UPDATE)) {
            for (int i = 1; i <= CHANGES; i++) {
                update.setLong(1, i);
                update.executeUpdate();
                LockSupport.parkNanos(10_000_000);
            }
        }
        Thread.sleep(2_000);
        return (database.number(count) - before) / (double) CHANGES;
    }
}
