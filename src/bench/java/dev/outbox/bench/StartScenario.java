package dev.outbox.bench;

import java.util.ArrayList;
import java.util.List;

/** From the start of the process to its first answer, with data from a former run. */
final class StartScenario implements Bench.Scenario {

    private static final String EXTERNAL = "database that runs";
    private static final String EMBEDDED = "embedded database, started too";

    private static final List<String> EMBEDDED_PROPERTIES = List.of("-Doutbox.embedded.directory=target/bench-embedded");

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        Service.launch(EMBEDDED_PROPERTIES).awaitReady().close();
        return List.of(new Pairs(settings)
                .run(
                        "start to the first answer",
                        List.of(
                                new Side(EXTERNAL, () -> start(database.serviceProperties())),
                                new Side(EMBEDDED, () -> start(EMBEDDED_PROPERTIES))),
                        List.of(Bar.atMost(3_000, "first answer", EXTERNAL), Bar.atMost(5_000, "first answer", EMBEDDED))));
    }

    private static List<Value> start(List<String> flags) throws Exception {
        long began = System.nanoTime();
        try (Service service = Service.launch(flags).awaitReady()) {
            List<Value> values = new ArrayList<>();
            values.add(new Value("first answer", "ms", (System.nanoTime() - began) / 1e6));
            values.add(new Value(
                    "resident", "MB", ProcessTimes.resident(service.process().toHandle())));
            return values;
        }
    }
}
