package dev.outbox.relay;

import java.time.Duration;
import reactor.core.publisher.Mono;

/**
 * Who runs the subscriptions: the instance whose session holds one advisory lock. It is lost with the session: a killed process
 * frees it at once, a frozen or cut-off one when the server ends its silent session (idle_session_timeout). What a leader that has
 * not noticed yet still writes runs into the fence of {@link dev.outbox.log.Checkpoints}.
 */
final class Leadership {

    private static final int LEADER = 2;
    private static final Duration TRY_EVERY = Duration.ofSeconds(1);

    private final Listener listener;

    Leadership(Listener listener) {
        this.listener = listener;
    }

    /** Completes when this instance leads; tries every second, and whenever a notification comes. */
    Mono<Void> acquire() {
        return Mono.defer(() -> attempt(listener.heard()))
                .repeat()
                .filter(granted -> granted)
                .next()
                .then();
    }

    /** Tells the standbys that this instance steps down; to be called when its session is about to end. */
    Mono<Void> stepDown() {
        return listener.ringAll().then();
    }

    private Mono<Boolean> attempt(long heard) {
        return listener.tryLock(LEADER)
                .flatMap(granted -> granted
                        ? Mono.just(true)
                        : Mono.firstWithSignal(
                                        listener.hearsAfter(heard),
                                        Mono.delay(TRY_EVERY).then())
                                .thenReturn(false));
    }
}
