package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.log.ControlSignal;
import dev.outbox.tail.AwaitableCounter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.scheduler.VirtualTimeScheduler;

class ControlSignalsTests {

    private static final Duration BEAT = Duration.ofSeconds(1);
    private static final List<ControlSignal> NOBODY =
            List.of(new ControlSignal("a", false, false), new ControlSignal("b", false, false));

    private final AtomicInteger looks = new AtomicInteger();
    private final AwaitableCounter told = new AwaitableCounter();
    private volatile List<ControlSignal> state = NOBODY;
    private final ControlSignals signals = new ControlSignals(
            Mono.fromSupplier(() -> {
                looks.incrementAndGet();
                return state;
            }),
            told,
            BEAT);

    @Test
    void oneLookServesAllWhoWaitAndThereIsNoneWhenNobodyDoes() {
        inVirtualTime(time -> {
            Disposable first = signals.of("a", false).subscribe();
            Disposable second = signals.of("b", false).subscribe();
            time.advanceTimeBy(BEAT.multipliedBy(10));
            assertThat(looks.get()).isEqualTo(12);
            first.dispose();
            second.dispose();
            time.advanceTimeBy(BEAT.multipliedBy(10));
            assertThat(looks.get()).isEqualTo(12);
        });
    }

    @Test
    void whoIsCalledIsToldAndTheOthersWaitOn() {
        inVirtualTime(time -> {
            Disposable first = signals.of("a", false).subscribe();
            Disposable second = signals.of("b", false).subscribe();
            state = List.of(new ControlSignal("a", false, true), new ControlSignal("b", false, false));
            time.advanceTimeBy(BEAT);
            assertThat(first.isDisposed()).isTrue();
            assertThat(second.isDisposed()).isFalse();
            state = List.of(new ControlSignal("a", false, false), new ControlSignal("b", true, false));
            time.advanceTimeBy(BEAT);
            assertThat(second.isDisposed()).isTrue();
        });
    }

    @Test
    void aPauseThatIsKnownIsNoCallAndItsEndIsOne() {
        inVirtualTime(time -> {
            state = List.of(new ControlSignal("a", true, false));
            Disposable waiting = signals.of("a", true).subscribe();
            time.advanceTimeBy(BEAT.multipliedBy(3));
            assertThat(waiting.isDisposed()).isFalse();
            state = NOBODY;
            time.advanceTimeBy(BEAT);
            assertThat(waiting.isDisposed()).isTrue();
        });
    }

    @Test
    void whenTheDatabaseTellsItLooksAtOnce() {
        inVirtualTime(time -> {
            Disposable waiting = signals.of("a", false).subscribe();
            state = List.of(new ControlSignal("a", false, true));
            told.increment();
            assertThat(waiting.isDisposed()).isTrue();
        });
    }

    /** Else an action that came just after the look waited for the next one. */
    @Test
    void whoBeginsToWaitWhileALookRestsIsToldAtOnce() {
        inVirtualTime(time -> {
            Disposable first = signals.of("a", false).subscribe();
            state = List.of(new ControlSignal("b", false, true));
            Disposable second = signals.of("b", false).subscribe();
            assertThat(second.isDisposed()).isTrue();
            first.dispose();
        });
    }

    /** It may be what the one who waits has just applied. */
    @Test
    void whatALookFoundThatBeganBeforeDoesNotCount() {
        Sinks.One<List<ControlSignal>> slow = Sinks.one();
        AtomicInteger asked = new AtomicInteger();
        ControlSignals signals = new ControlSignals(
                Mono.defer(() -> asked.incrementAndGet() == 1 ? slow.asMono() : Mono.just(NOBODY)),
                new AwaitableCounter(),
                BEAT);
        inVirtualTime(time -> {
            Disposable other = signals.of("b", false).subscribe();
            Disposable waiting = signals.of("a", false).subscribe();
            slow.tryEmitValue(List.of(new ControlSignal("a", false, true), new ControlSignal("b", false, false)));
            assertThat(waiting.isDisposed()).isFalse();
            assertThat(asked.get()).isEqualTo(2);
            assertThat(waiting.isDisposed()).isFalse();
            other.dispose();
            waiting.dispose();
        });
    }

    @Test
    void aLookThatFailsEndsNothingAndTheNextOneFollows() {
        AtomicInteger asked = new AtomicInteger();
        ControlSignals signals = new ControlSignals(
                Mono.defer(() -> asked.incrementAndGet() == 2
                        ? Mono.error(new IllegalStateException("away"))
                        : Mono.just(state)),
                told,
                BEAT);
        inVirtualTime(time -> {
            List<Throwable> failures = new ArrayList<>();
            Disposable waiting = signals.of("a", false).subscribe(nothing -> {}, failures::add);
            time.advanceTimeBy(BEAT);
            assertThat(asked.get()).isEqualTo(2);
            assertThat(waiting.isDisposed()).isFalse();
            state = List.of(new ControlSignal("a", false, true));
            time.advanceTimeBy(BEAT);
            assertThat(waiting.isDisposed()).isTrue();
            assertThat(failures).isEmpty();
        });
    }

    private interface InTime {
        void pass(VirtualTimeScheduler time);
    }

    private static void inVirtualTime(InTime test) {
        VirtualTimeScheduler time = VirtualTimeScheduler.getOrSet();
        try {
            test.pass(time);
        } finally {
            VirtualTimeScheduler.reset();
        }
    }
}
