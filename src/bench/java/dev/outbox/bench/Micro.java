package dev.outbox.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** The pure hot parts by themselves, measured by JMH: every {@code *Benchmark}, in a JVM of its own. */
final class Micro {

    static final String NAME = "jmh";

    private static final String ALLOCATED = "gc.alloc.rate.norm";

    private Micro() {}

    /** For each class what its methods take and allocate; a round is an iteration. */
    static List<Result> run(Settings settings) throws RunnerException {
        Map<String, List<Result.Measured>> classes = new LinkedHashMap<>();
        for (RunResult run : new Runner(options(settings)).run()) {
            String name = run.getParams().getBenchmark();
            int method = name.lastIndexOf('.');
            String type = name.substring(name.lastIndexOf('.', method - 1) + 1, method);
            classes.computeIfAbsent(type, first -> new ArrayList<>())
                    .addAll(measured(side(name.substring(method + 1), run.getParams()), run));
        }
        List<Result> results = new ArrayList<>();
        classes.forEach((type, measured) -> results.add(Result.of(type, measured, List.of(), settings.smoke())));
        return results;
    }

    private static Options options(Settings settings) {
        long millis = Math.max(100, Math.round(1_000 * settings.size()));
        return new OptionsBuilder()
                .forks(1)
                .warmupIterations(settings.warmUps())
                .warmupTime(TimeValue.milliseconds(3 * millis))
                .measurementIterations(settings.pairs())
                .measurementTime(TimeValue.milliseconds(millis))
                .addProfiler(GCProfiler.class)
                .build();
    }

    private static String side(String method, BenchmarkParams params) {
        return Stream.concat(Stream.of(method), params.getParamsKeys().stream().map(key -> key + " " + params.getParam(key)))
                .collect(Collectors.joining(", "));
    }

    private static List<Result.Measured> measured(String side, RunResult run) {
        return List.of(
                Result.Measured.of(
                        side,
                        "time",
                        "ns",
                        rounds(run, round -> round.getPrimaryResult().getScore())),
                Result.Measured.of(
                        side,
                        "allocated",
                        "bytes",
                        rounds(
                                run,
                                round -> round.getSecondaryResults()
                                        .get(ALLOCATED)
                                        .getScore())));
    }

    private static double[] rounds(RunResult run, ToDoubleFunction<IterationResult> score) {
        return run.getBenchmarkResults().stream()
                .flatMap(fork -> fork.getIterationResults().stream())
                .mapToDouble(score)
                .toArray();
    }
}
