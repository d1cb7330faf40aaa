package dev.outbox.retention;

import dev.outbox.logging.LogValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Runs the rounds of {@link Retention} while the application runs; a stop lets the round in flight end. */
final class RetentionTask implements SmartLifecycle {

    private static final Logger LOG = LoggerFactory.getLogger(RetentionTask.class);

    private static final Duration AGAIN = Duration.ofSeconds(1);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    private final Retention retention;
    private final Duration every;

    private @Nullable Life life;

    /**
     * @param every how long to rest between rounds; no longer than a second if there is more to do
     */
    RetentionTask(Retention retention, Duration every) {
        this.retention = retention;
        this.every = every;
    }

    @Override
    public synchronized void start() {
        life = new Life();
    }

    @Override
    public void stop() {
        stop(() -> {});
    }

    @Override
    public synchronized void stop(Runnable stopped) {
        Life ending = life;
        life = null;
        if (ending == null) {
            stopped.run();
        } else {
            ending.end(stopped);
        }
    }

    @Override
    public synchronized boolean isRunning() {
        return life != null;
    }

    private final class Life {

        private final Sinks.Empty<Void> stop = Sinks.empty();
        private final Sinks.Empty<Void> over = Sinks.empty();
        private final Disposable task;
        private volatile boolean stopped;

        Life() {
            task = Mono.defer(retention::round)
                    .onErrorResume(this::failed)
                    .flatMap(more -> rest(more && every.compareTo(AGAIN) > 0 ? AGAIN : every))
                    .repeat(() -> !stopped)
                    .doFinally(end -> over.tryEmitEmpty())
                    .subscribe();
        }

        void end(Runnable ended) {
            stopped = true;
            stop.tryEmitEmpty();
            Mono.firstWithSignal(over.asMono(), Mono.delay(STOP_WITHIN).then())
                    .doFinally(end -> {
                        task.dispose();
                        ended.run();
                    })
                    .subscribe();
        }

        private Mono<Boolean> failed(Throwable error) {
            if (!stopped) {
                LOG.warn("retention.failed error=\"{}\"", LogValue.quoted(cause(error)));
            }
            return Mono.just(false);
        }

        private String cause(Throwable error) {
            return (error.getCause() == null ? error : error.getCause()).toString();
        }

        private Mono<Void> rest(Duration length) {
            return Mono.firstWithSignal(stop.asMono(), Mono.delay(length).then());
        }
    }
}
