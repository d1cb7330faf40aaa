package dev.outbox.bench;

import java.util.ArrayList;
import java.util.List;

/** What the service and its database cost while nothing happens, and whether a small heap is enough for a large backlog. */
final class IdleScenario implements Bench.Scenario {

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        return List.of(idle(database, settings), smallHeap(database, settings));
    }

    private static Result idle(Database database, Settings settings) throws Exception {
        try (Service service = Service.start(database, Memory.class)) {
            Side idle = new Side("nothing happens", () -> rest(database, service, settings.seconds(60)));
            return new Pairs(settings)
                    .run(
                            "idle",
                            List.of(idle),
                            List.of(
                                    Bar.atMost(1, "service", idle.name()),
                                    Bar.atMost(1, "PostgreSQL", idle.name())));
        }
    }

    private static List<Value> rest(Database database, Service service, int seconds) throws Exception {
        ProcessHandle process = service.process().toHandle();
        ProcessHandle server = ProcessHandle.of(database.postmaster()).orElseThrow();
        double ofService = ProcessTimes.cpu(process);
        double ofServer = ProcessTimes.cpu(server);
        Thread.sleep(1_000L * seconds);
        List<Value> values = new ArrayList<>();
        values.add(new Value("service", "% of a processor", 100 * (ProcessTimes.cpu(process) - ofService) / seconds));
        values.add(new Value("PostgreSQL", "% of a processor", 100 * (ProcessTimes.cpu(server) - ofServer) / seconds));
        values.add(new Value("resident", "MB", ProcessTimes.resident(process)));
        values.add(new Value("heap", "MB", Long.parseLong(service.get("/bench/heap")) / 1e6));
        return values;
    }

    private static Result smallHeap(Database database, Settings settings) throws Exception {
        int events = settings.count(1_000_000);
        List<String> flags = new ArrayList<>(database.serviceProperties());
        flags.add("-Xmx256m");
        flags.add("-XX:+ExitOnOutOfMemoryError");
        try (Service service = Service.launch(flags, Counting.class).awaitReady()) {
            service.pause(database, "counting");
            DrainScenario.fill(database, events);
            Side small = new Side("-Xmx256m", () -> {
                Value rate = DrainScenario.drain(database, service, events);
                return List.of(
                        rate,
                        new Value(
                                "resident",
                                "MB",
                                ProcessTimes.resident(service.process().toHandle())));
            });
            return new Pairs(settings).run("drain of " + events + " events with a small heap", List.of(small), List.of());
        }
    }
}
