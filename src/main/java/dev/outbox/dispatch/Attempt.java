package dev.outbox.dispatch;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.util.context.Context;

/**
 * What a handler gives, or a failure with what it throws instead, when it is called and when its Mono is subscribed to. Reactor lets an
 * Error of the JVM, such as of a class that is missing, through to whoever happens to call. It ends once.
 */
final class Attempt extends Mono<Void> {

    private final Supplier<Mono<Void>> handler;

    Attempt(Supplier<Mono<Void>> handler) {
        this.handler = handler;
    }

    @Override
    public void subscribe(CoreSubscriber<? super Void> actual) {
        Guard guard = new Guard(actual);
        try {
            Objects.requireNonNull(handler.get(), "the handler returned null").subscribe(guard);
        } catch (Throwable thrown) {
            guard.fail(thrown);
        }
    }

    private static final class Guard implements CoreSubscriber<Void> {

        private final CoreSubscriber<? super Void> actual;
        private final AtomicBoolean ended = new AtomicBoolean();
        private volatile boolean subscribed;

        Guard(CoreSubscriber<? super Void> actual) {
            this.actual = actual;
        }

        @Override
        public Context currentContext() {
            return actual.currentContext();
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            subscribed = true;
            actual.onSubscribe(subscription);
        }

        @Override
        public void onNext(Void nothing) {
            // there is none
        }

        @Override
        public void onError(Throwable error) {
            if (ended.compareAndSet(false, true)) {
                actual.onError(error);
            }
        }

        @Override
        public void onComplete() {
            if (ended.compareAndSet(false, true)) {
                actual.onComplete();
            }
        }

        void fail(Throwable thrown) {
            if (subscribed) {
                onError(thrown);
            } else if (ended.compareAndSet(false, true)) {
                Operators.error(actual, thrown);
            }
        }
    }
}
