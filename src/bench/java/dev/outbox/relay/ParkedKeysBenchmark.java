package dev.outbox.relay;

import static java.util.Objects.requireNonNull;

import dev.outbox.log.ParkedEvent;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** One event fails, one of its key waits behind it, both are delivered, while others of other keys stay parked for an hour. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ParkedKeysBenchmark {

    private static final String KEY = "the key";

    @Param({"0", "10000"})
    public int others;

    private final Outcome failure = Outcome.failure(new IllegalStateException("busy"), RetryPolicy.DEFAULT);
    private ParkedKeys parked = parked(List.of());
    private long id;

    @Setup
    public void fill() {
        parked = parked(
                LongStream.range(0, others).mapToObj(ParkedKeysBenchmark::other).toList());
        id = others;
    }

    @Benchmark
    public Object parkAndDeliver() {
        parked.park(++id, KEY, false, failure);
        parked.block(++id, KEY, false);
        parked.deliver(requireNonNull(parked.takeAny()));
        parked.deliver(requireNonNull(parked.takeDue()));
        return parked.takeChanges();
    }

    private static ParkedKeys parked(List<ParkedEvent> stored) {
        return new ParkedKeys(RetryPolicy.DEFAULT, () -> 0, () -> 0, stored);
    }

    private static ParkedEvent other(long id) {
        Duration hour = Duration.ofHours(1);
        return new ParkedEvent(id, "key " + id, ParkedEvent.State.RETRYING, 1, hour, "busy", false, Duration.ZERO);
    }
}
