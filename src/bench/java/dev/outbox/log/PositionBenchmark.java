package dev.outbox.log;

import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Reading snapshots, in which so many transactions are in progress. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PositionBenchmark {

    private static final long XMIN = 4_000_000_000L;

    @Param({"0", "10", "100"})
    public int running;

    private Position position = Position.BEGINNING;
    private Position later = Position.BEGINNING;

    @Setup
    public void fill() {
        position = at(XMIN);
        later = at(XMIN + running);
    }

    @Benchmark
    public long late() {
        return position.late().sum();
    }

    @Benchmark
    public Position meet() {
        return position.meet(later);
    }

    /** Every second xid from there on is in progress; eight more were drawn. */
    private Position at(long xmin) {
        long xmax = xmin + 2L * running;
        String list = LongStream.range(0, running)
                .mapToObj(i -> Long.toString(xmin + 2 * i))
                .collect(Collectors.joining(","));
        return new Position(new Snapshot(xmin + ":" + xmax + ":" + list), xmax + 8, xmax, null, 0, "1");
    }
}
