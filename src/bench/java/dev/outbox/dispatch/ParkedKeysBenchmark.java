package dev.outbox.dispatch;

import static java.util.Objects.requireNonNull;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedHead;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.TestLog;
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
    private ParkedKeys parked = parked(Parked.NOTHING);
    private long id;

    @Setup
    public void fill() {
        parked = parked(new Parked(
                LongStream.range(0, others).mapToObj(ParkedKeysBenchmark::other).toList(), 0, false));
        id = others;
    }

    @Benchmark
    public Object parkAndDeliver() {
        Event first = TestLog.event(++id, KEY);
        Event second = TestLog.event(++id, KEY);
        parked.park(first, failure);
        parked.block(second);
        parked.deliver(requireNonNull(parked.takeAny()));
        parked.takeLoads().forEach(load -> parked.loaded(load, List.of(new ParkedRow(ParkedEvent.blocked(second), second))));
        parked.deliver(requireNonNull(parked.takeDue()));
        return parked.takeChanges();
    }

    private static ParkedKeys parked(Parked stored) {
        return new ParkedKeys(RetryPolicy.DEFAULT, true, () -> 0, () -> 0, stored);
    }

    private static ParkedHead other(long id) {
        Duration hour = Duration.ofHours(1);
        return new ParkedHead(
                new ParkedEvent(id, new Aggregate("thing", "key " + id), ParkedEvent.State.RETRYING, 1, hour, "busy", false, Duration.ZERO), id);
    }
}
