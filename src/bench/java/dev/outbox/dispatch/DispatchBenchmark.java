package dev.outbox.dispatch;

import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Page;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedRow;
import dev.outbox.log.TestLog;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** An event on its way through the dispatch, to a handler that has nothing to do. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DispatchBenchmark {

    private static final int EVENTS = 1_000;

    @Param({"1", "1000"})
    public int keys;

    private final KeyedDispatcher dispatcher = new KeyedDispatcher(
            new NothingToDo(),
            new KeyedDispatcher.Bounds(16, 1_000, 20_000, 200_000, Duration.ofSeconds(30)),
            Schedulers.parallel());

    private Page page = TestLog.page();

    @Setup
    public void fill() {
        page = TestLog.page(LongStream.rangeClosed(1, EVENTS)
                .mapToObj(id -> TestLog.event(id, "key " + id % keys))
                .toArray(Event[]::new));
    }

    /** The page is the last one for now: if no more were to come, what is not started would be left. */
    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public @Nullable Object dispatch() {
        Failures failures = new Failures(
                "bench", new ParkedKeys(RetryPolicy.DEFAULT, true, () -> 0, () -> 0, Parked.NOTHING), new Circuit(() -> 0, null));
        return dispatcher
                .dispatch(Flux.just(page).concatWith(Flux.never()), page.before(), failures, Mono.never())
                .takeUntil(progress -> progress.position().equals(page.after()))
                .blockLast();
    }

    private static final class NothingToDo implements Deliverer {

        @Override
        public String subscription() {
            return "nothing-to-do";
        }

        @Override
        public Mono<Outcome> attempt(Event event) {
            return Outcome.of(Mono::empty, RetryPolicy.DEFAULT);
        }

        @Override
        public Mono<Event> load(long id) {
            return Mono.empty();
        }

        @Override
        public Mono<List<ParkedRow>> next(ParkedKeys.Load load) {
            return Mono.just(List.of());
        }
    }
}
