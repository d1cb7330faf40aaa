package dev.outbox.bench;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.boot.logging.LogLevel;
import org.springframework.boot.logging.LoggingSystem;

/**
 * Measures the whole system on this machine: one scenario a run, named on the command line, or the smoke run, which is small,
 * looks at ratios only and fails when one is bad. The service is a process of its own, and the load comes from others. Or it measures
 * the hot parts by themselves.
 */
public final class Bench {

    private static final Map<String, Scenario> SCENARIOS = new LinkedHashMap<>();

    static {
        SCENARIOS.put("drain", new DrainScenario());
        SCENARIOS.put("billing", new BillingScenario());
        SCENARIOS.put("patch", new PatchScenario());
        SCENARIOS.put("writers", new WritersScenario());
        SCENARIOS.put("capture", new CaptureScenario());
        SCENARIOS.put("latency", new LatencyScenario());
        SCENARIOS.put("bell", new BellScenario());
        SCENARIOS.put("growth", new GrowthScenario());
        SCENARIOS.put("idle", new IdleScenario());
        SCENARIOS.put("held", new HeldScenario());
        SCENARIOS.put("start", new StartScenario());
        SCENARIOS.put("jvm", new JvmScenario());
    }

    private static final List<String> SMOKE = List.of("drain", "patch", "billing", "writers");

    private Bench() {}

    /** One question. */
    interface Scenario {

        List<Result> run(Database database, Settings settings) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        String name = arguments.length == 1 ? arguments[0] : "";
        boolean smoke = name.equals("smoke");
        boolean micro = name.equals(Micro.NAME);
        if (!smoke && !micro && !SCENARIOS.containsKey(name)) {
            throw new IllegalArgumentException("Name one of smoke, " + Micro.NAME + " and " + SCENARIOS.keySet());
        }
        LoggingSystem.get(Bench.class.getClassLoader()).setLogLevel(LoggingSystem.ROOT_LOGGER_NAME, LogLevel.WARN);
        Settings settings = smoke ? Settings.ofSmoke() : Settings.read();
        if (micro) {
            publish(new Report(name, false, Environment.read(name, settings), Micro.run(settings)));
            return;
        }
        Database database = Database.start(settings.orders(), name.equals("drain") && Peer.DEBEZIUM.isBuilt());
        boolean holds = true;
        for (String each : smoke ? SMOKE : List.of(name)) {
            holds &= measure(each, database, settings);
        }
        System.exit(smoke && !holds ? 1 : 0);
    }

    private static boolean measure(String name, Database database, Settings settings) throws Exception {
        Map<String, String> environment = Environment.read(name, settings);
        environment.putAll(Environment.of(database));
        Report report =
                new Report(name, settings.smoke(), environment, SCENARIOS.get(name).run(database, settings));
        publish(report);
        return report.holds();
    }

    private static void publish(Report report) throws IOException {
        report.write();
        report.print(System.out);
    }
}
