package dev.outbox.dispatch;

import java.util.concurrent.TimeUnit;
import reactor.core.scheduler.Scheduler;

/** A scheduler's time that only ever moves on: its milliseconds are those of the wall clock, which may be set back; its nanoseconds are not. */
final class Clocks {

    private Clocks() {}

    static long millis(Scheduler scheduler) {
        return TimeUnit.NANOSECONDS.toMillis(scheduler.now(TimeUnit.NANOSECONDS));
    }
}
