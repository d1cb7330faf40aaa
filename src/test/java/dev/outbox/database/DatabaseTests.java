package dev.outbox.database;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class DatabaseTests {

    private static final Duration SOON = Duration.ofSeconds(5);

    @Test
    void aResultThatNobodyHasAskedForYetIsNotLost() {
        StepVerifier.create(Database.toItsEnd(Mono.just(1)), 0)
                .expectSubscription()
                .thenRequest(1)
                .expectNext(1)
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void workWithoutAResultCompletes() {
        StepVerifier.create(Database.toItsEnd(Mono.empty()), 0).expectComplete().verify(SOON);
    }

    @Test
    void cancellingDoesNotReachTheWork() {
        AtomicBoolean cancelled = new AtomicBoolean();
        Sinks.One<Integer> end = Sinks.one();
        StepVerifier.create(Database.toItsEnd(end.asMono().doOnCancel(() -> cancelled.set(true))))
                .expectSubscription()
                .thenCancel()
                .verify(SOON);
        org.assertj.core.api.Assertions.assertThat(cancelled).isFalse();
    }
}
