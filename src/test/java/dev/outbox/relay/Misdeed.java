package dev.outbox.relay;

import dev.outbox.handler.RetryLaterException;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;

/** What a handler of somebody else may do when it is given an event. */
public enum Misdeed {
    FAILS_WITH_NUL(() -> Mono.error(new IllegalStateException("a\0b"))),
    FAILS_WITH_HALF_A_PAIR(() -> Mono.error(new IllegalStateException("a\ud83d"))),
    FAILS_WITH_A_PAIR_AT_THE_CUT(() -> Mono.error(new IllegalStateException("\ud83d\ude00".repeat(1_000)))),
    FAILS_WITH_TEN_MEGABYTES(() -> Mono.error(new IllegalStateException("x".repeat(10_000_000)))),
    FAILS_WITHOUT_A_MESSAGE(() -> Mono.error(new IllegalStateException())),
    FAILS_WITHOUT_A_TEXT(() -> Mono.error(new Wordless(false))),
    FAILS_WITH_WHAT_FAILS(() -> Mono.error(new Wordless(true))),
    FAILS_WITH_AN_ERROR(() -> Mono.error(new NoClassDefFoundError("dev/example/Gone"))),
    ASKS_FOR_AGES(() -> Mono.error(new RetryLaterException(Duration.ofSeconds(Long.MAX_VALUE), "later"))),
    ASKS_FOR_THE_PAST(() -> Mono.error(new RetryLaterException(Duration.ofSeconds(Long.MIN_VALUE), "before"))),
    ASKS_FOR_NOTHING(() -> Mono.error(new RetryLaterException(null, "some time"))),
    THROWS(() -> {
        throw new IllegalStateException("thrown");
    }),
    THROWS_AN_ERROR(() -> {
        throw new NoClassDefFoundError("dev/example/Gone");
    }),
    OVERFLOWS_THE_STACK(() -> deeper(1)),
    THROWS_WHEN_SUBSCRIBED(() -> new Mono<>() {
        @Override
        public void subscribe(CoreSubscriber<? super Void> actual) {
            throw new StackOverflowError("subscribed");
        }
    }),
    THROWS_IN_AN_OPERATOR(() -> Mono.just(1).<Void>handle((one, sink) -> {
        throw new NoClassDefFoundError("dev/example/Gone");
    })),
    EMPTIES_AND_FAILS(() -> Mono.<Void>empty().then(Mono.error(new AssertionError("asserted")))),
    RETURNS_NULL(() -> null);

    @SuppressWarnings("ImmutableEnumChecker") // none of them keeps anything
    public final Supplier<@Nullable Mono<Void>> deed;

    Misdeed(Supplier<@Nullable Mono<Void>> deed) {
        this.deed = deed;
    }

    private static Mono<Void> deeper(int from) {
        return from < 0 ? Mono.empty() : deeper(from + 1).then();
    }

    /** Says nothing when it is asked, or fails. */
    private static final class Wordless extends RuntimeException {

        private final boolean fails;

        Wordless(boolean fails) {
            this.fails = fails;
        }

        @Override
        @SuppressWarnings({"OverrideThrowableToString", "ToStringReturnsNull"
        }) // what is not to be expected of others' code
        public @Nullable String toString() {
            if (fails) {
                throw new StackOverflowError("asked");
            }
            return null;
        }

        @Override
        public @Nullable String getMessage() {
            return toString();
        }
    }
}
