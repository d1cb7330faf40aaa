package dev.outbox.bench;

import java.util.ArrayList;
import java.util.List;

/** From the return of a commit by SQL from outside to the entry of the handler, at steady rates. */
final class LatencyScenario implements Bench.Scenario {

    private static final int CONNECTIONS = 8;

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        try (Service service = Service.start(database, Arriving.class);
                PacedWriters writers = new PacedWriters(database, service)) {
            List<Side> sides = new ArrayList<>();
            List<Bar> bars = new ArrayList<>();
            for (int rate : new int[] {200, 2_000}) {
                String name = rate + " changes/s";
                sides.add(new Side(name, () -> writers.run(rate, settings.seconds(10), CONNECTIONS)));
                bars.add(Bar.atMost(1, "p50", name));
                bars.add(Bar.atMost(4, "p99", name));
            }
            return List.of(new Pairs(settings).run("commit to handler", sides, bars));
        }
    }
}
