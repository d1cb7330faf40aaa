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

    /** Frees the lock, and only then tells the standbys: who tries at once must get it. */
    Mono<Void> stepDown() {
        return listener.unlock(LEADER).then(Mono.defer(listener::ringAll)).then();
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
