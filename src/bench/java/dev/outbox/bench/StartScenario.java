package dev.outbox.bench;

/** From the start of the process to its first answer, with an embedded database that has to be started too. */
final class StartScenario implements Bench.Scenario {

    private static final int RUNS = 5;

    @Override
    public void run() throws Exception {
        double[] millis = new double[RUNS];
        for (int i = -1; i < RUNS; i++) {
            long began = System.nanoTime();
            try (Service.Elsewhere service = Service.Elsewhere.start().awaitReady()) {
                double taken = (System.nanoTime() - began) / 1e6;
                if (i >= 0) {
                    millis[i] = taken;
                }
                if (i == RUNS - 1) {
                    System.out.println("memory: " + rss(service.process().pid()));
                }
            }
        }
        System.out.println("start to first answer, ms: " + Figures.spread(millis));
    }

    private static String rss(long pid) throws Exception {
        return java.nio.file.Files.readAllLines(java.nio.file.Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmRSS"))
                .findFirst()
                .orElse("unknown");
    }
}
