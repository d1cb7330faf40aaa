package dev.outbox.relay;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.SingleThreadEventExecutor;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import reactor.netty.tcp.TcpResources;

/**
 * Asks each event loop of the connections to the database for an answer, twenty times a second, and knows how long the busiest of them kept
 * others waiting. It counts its own turns, so a machine that stands still counts for one.
 */
final class EventLoopWatch implements AutoCloseable {

    private static final Duration TURN = Duration.ofMillis(50);

    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private final Map<EventExecutor, Integer> unanswered = new ConcurrentHashMap<>();
    private int most;
    private String where = "";

    EventLoopWatch() {
        var unused = clock.scheduleWithFixedDelay(this::turn, 0, TURN.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void turn() {
        for (EventExecutor loop : TcpResources.get().onClient(true)) {
            int turns = unanswered.merge(loop, 1, Integer::sum);
            if (turns == 1) {
                loop.execute(() -> unanswered.remove(loop));
            }
            note(loop, turns);
        }
    }

    private synchronized void note(EventExecutor loop, int turns) {
        if (turns > most) {
            most = turns;
            where = Arrays.stream(((SingleThreadEventExecutor) loop)
                            .threadProperties()
                            .stackTrace())
                    .map(StackTraceElement::toString)
                    .collect(Collectors.joining("\n  at "));
        }
    }

    /** How long an event loop was busy, at most. */
    synchronized Duration longest() {
        return TURN.multipliedBy(most);
    }

    /** What that one was doing when it was last seen so. */
    synchronized String where() {
        return where;
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
