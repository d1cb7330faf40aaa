package dev.outbox.tail;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What a page costs the count of the traffic, with the clock that it reads. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class TrafficBenchmark {

    private final Traffic traffic = new Traffic(System::nanoTime);

    @Benchmark
    public boolean add() {
        traffic.add(1);
        return traffic.isLight();
    }
}
