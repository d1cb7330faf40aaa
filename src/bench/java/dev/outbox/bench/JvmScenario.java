package dev.outbox.bench;

import java.util.ArrayList;
import java.util.List;

/** The same drain and the same PATCHes with each collector, on this Java and on the one that bench.java names. */
final class JvmScenario implements Bench.Scenario {

    private static final int CONNECTIONS = 64;

    private static final List<String> COLLECTORS = List.of("Serial", "G1", "Parallel", "Z");

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        int events = settings.count(1_000_000);
        int requests = settings.count(40_000);
        database.clean();
        try (Service service = Service.start(database, Counting.class)) {
            service.pause(database, "counting");
            DrainScenario.fill(database, events);
        }
        List<Side> sides = new ArrayList<>();
        for (Jvm jvm : Jvm.own().equals(Jvm.chosen()) ? List.of(Jvm.own()) : List.of(Jvm.own(), Jvm.chosen())) {
            for (String collector : COLLECTORS) {
                sides.add(new Side(
                        jvm.name() + ", " + collector, () -> work(database, jvm, collector, events, requests)));
            }
        }
        return List.of(new Pairs(settings)
                .run("drain of " + events + " events and PATCH over " + CONNECTIONS + " connections", sides, List.of()));
    }

    /** In a process that is new each time: once to warm up, and once more. */
    private static List<Value> work(Database database, Jvm jvm, String collector, int events, int requests)
            throws Exception {
        List<String> flags = new ArrayList<>(database.serviceProperties());
        flags.add("-XX:+Use" + collector + "GC");
        try (Service service = Service.launch(jvm, flags, Counting.class).awaitReady();
                HttpLoad http = new HttpLoad(service.port(), CONNECTIONS)) {
            List<Value> values = new ArrayList<>();
            service.pause(database, "counting"); // it is done by whoever leads, so it leads now
            DrainScenario.drain(database, service, events);
            values.add(DrainScenario.drain(database, service, events));
            Changes changes = new Changes(database.orders());
            http.run(changes.requests("/orders/update", requests));
            List<Value> answered = http.run(changes.requests("/orders/update", requests));
            database.awaitCaughtUp("billing", "notifications");
            answered.stream().filter(value -> !value.name().equals("max")).forEach(values::add);
            values.add(new Value(
                    "resident", "MB", ProcessTimes.resident(service.process().toHandle())));
            return values;
        }
    }
}
