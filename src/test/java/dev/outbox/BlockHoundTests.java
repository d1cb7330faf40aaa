package dev.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import reactor.blockhound.BlockingOperationError;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** The tests would show a thread of an event loop that waits; this one that they would. */
class BlockHoundTests {

    @Test
    void waitingOnAThreadThatMustNotIsAnError() {
        Throwable error = catchThrowable(() -> sleepOn(Schedulers.parallel()));
        assertThat(error).hasRootCauseInstanceOf(BlockingOperationError.class);
    }

    @Test
    void waitingOnAThreadThatMayIsNone() {
        sleepOn(Schedulers.boundedElastic());
    }

    private static void sleepOn(Scheduler scheduler) {
        Mono.fromCallable(() -> {
                    Thread.sleep(1);
                    return true;
                })
                .subscribeOn(scheduler)
                .block(Duration.ofSeconds(5));
    }
}
