package dev.outbox.dispatch;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Lets one in at a time, in the order in which they asked; nobody blocks a thread. Safe for threads. */
final class Mutex {

    /** The first one is in. */
    private final Deque<Lock> queue = new ArrayDeque<>();

    /** Of one who asks once. */
    final class Lock {

        private final Sinks.Empty<Void> granted = Sinks.empty();

        /** Completes when nobody else is in, perhaps on the thread of the one before. */
        Mono<Void> acquire() {
            return Mono.defer(() -> {
                if (isFirst()) {
                    granted.tryEmitEmpty();
                }
                return granted.asMono();
            });
        }

        private boolean isFirst() {
            synchronized (queue) {
                queue.add(this);
                return queue.peek() == this;
            }
        }

        /** Lets the next one in. Whoever asked has to release however it ends, in or not; to release again does nothing. */
        void release() {
            Lock next = next();
            if (next != null) {
                next.granted.tryEmitEmpty();
            }
        }

        private @Nullable Lock next() {
            synchronized (queue) {
                boolean wasIn = queue.peek() == this;
                queue.remove(this);
                return wasIn ? queue.peek() : null;
            }
        }
    }

    Lock lock() {
        return new Lock();
    }
}
