package dev.outbox.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

class MutexTests {

    private final Mutex mutex = new Mutex();
    private final List<String> told = new ArrayList<>();

    @Test
    void eachWaitsForThoseThatCameBeforeIt() {
        Mutex.Lock first = enter("first");
        Mutex.Lock second = enter("second");
        Mutex.Lock third = enter("third");
        assertThat(told).containsExactly("first");
        first.release();
        assertThat(told).containsExactly("first", "second");
        second.release();
        third.release();
        assertThat(told).containsExactly("first", "second", "third");
        enter("fourth");
        assertThat(told).endsWith("fourth");
    }

    @Test
    void whoGoesWhileItWaitsLetsNobodyIn() {
        Mutex.Lock first = enter("first");
        Mutex.Lock second = enter("second");
        Mutex.Lock third = enter("third");
        second.release();
        assertThat(told).containsExactly("first");
        first.release();
        assertThat(told).containsExactly("first", "third");
        first.release();
        second.release();
        third.release();
        mutex.lock().release();
        enter("fourth");
        assertThat(told).endsWith("fourth");
    }

    @Test
    void oneIsInAtATimeWhicheverThreadsTheyAreOn() {
        AtomicInteger in = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        Flux.range(0, 20_000)
                .flatMap(
                        n -> {
                            Mutex.Lock lock = mutex.lock();
                            return Mono.defer(lock::acquire)
                                    .then(Mono.fromRunnable(
                                            () -> most.accumulateAndGet(in.incrementAndGet(), Math::max)))
                                    .then(
                                            ThreadLocalRandom.current().nextInt(10) == 0
                                                    ? Mono.delay(Duration.ofNanos(1_000))
                                                            .then()
                                                    : Mono.<Void>empty())
                                    .then(Mono.<Void>fromRunnable(() -> {
                                        in.decrementAndGet();
                                        done.incrementAndGet();
                                    }))
                                    .doOnTerminate(lock::release)
                                    .subscribeOn(Schedulers.parallel());
                        },
                        8)
                .blockLast(Duration.ofSeconds(60));
        assertThat(most).hasValue(1);
        assertThat(done).hasValue(20_000);
    }

    private Mutex.Lock enter(String name) {
        Mutex.Lock lock = mutex.lock();
        lock.acquire().subscribe(nothing -> {}, failed -> told.add("failed"), () -> told.add(name));
        return lock;
    }
}
