package dev.outbox.bench;

import java.util.Locale;
import java.util.Map;

/**
 * Measures the whole system on this machine: one scenario a run, named on the command line. The service has an embedded PostgreSQL
 * that is as durable as any (fsync and synchronous_commit on), below target.
 */
public final class Bench {

    private static final Map<String, Scenario> SCENARIOS = Map.of(
            "start", new StartScenario(),
            "patch", new PatchScenario(),
            "latency", new LatencyScenario(),
            "drain", new DrainScenario(),
            "billing", new BillingScenario());

    private Bench() {}

    /** One way to load the service. */
    interface Scenario {

        /** Prints its figures. */
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Scenario scenario = arguments.length == 1 ? SCENARIOS.get(arguments[0].toLowerCase(Locale.ROOT)) : null;
        if (scenario == null) {
            throw new IllegalArgumentException("Name one of " + SCENARIOS.keySet());
        }
        System.out.printf(
                "machine: %d processors, %d MB heap, JDK %s%n",
                Runtime.getRuntime().availableProcessors(),
                Runtime.getRuntime().maxMemory() >> 20,
                System.getProperty("java.version"));
        if (!(scenario instanceof StartScenario)) {
            Service.startDatabase();
        }
        scenario.run();
        System.exit(0);
    }
}
