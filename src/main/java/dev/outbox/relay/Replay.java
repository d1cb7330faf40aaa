package dev.outbox.relay;

import dev.outbox.log.DesiredState;
import dev.outbox.log.Page;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Events that somebody asked for again, on their way: marked, and not faster than asked.
 *
 * @param through the highest id that was done before; 0 if there is no replay
 * @param rate events per second at most; null for no limit
 */
record Replay(long through, @Nullable Integer rate) {

    /** With a limit, events come in batches that are due within this time. */
    private static final int BATCHES_PER_SECOND = 10;

    static Replay of(DesiredState desired) {
        return new Replay(desired.replayedThrough(), desired.replayRate());
    }

    /** The pages with their marks, delayed while they hold replayed events: behind the position that has passed the last of these none is. */
    Flux<Page> pace(Flux<Page> pages) {
        if (through == 0) {
            return pages;
        }
        Flux<Page> marked = pages.map(page -> page.before().hasPassed(through) ? page : page.replayedThrough(through));
        return rate == null ? marked : slowly(marked, rate);
    }

    private static Flux<Page> slowly(Flux<Page> pages, int rate) {
        int batch = Math.max(1, rate / BATCHES_PER_SECOND);
        return pages.concatMapIterable(page -> page.replayed() == 0 ? List.of(page) : page.parts(batch), 1)
                .concatMap(part -> part.replayed() == 0 ? Mono.just(part) : later(part, rate), 1);
    }

    private static Mono<Page> later(Page part, int rate) {
        return Mono.delay(Duration.ofSeconds(part.replayed()).dividedBy(rate)).thenReturn(part);
    }
}
