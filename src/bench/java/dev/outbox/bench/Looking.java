package dev.outbox.bench;

import dev.outbox.log.EventLog;
import dev.outbox.log.Position;
import dev.outbox.log.Wanted;
import org.springframework.context.annotation.Bean;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** In the service: routes that look at the log again and again, and say how many nanoseconds the middle one of the looks took. */
final class Looking {

    private static final int LOOKS = 4_000;
    private static final int PAGES = 400;

    @Bean
    RouterFunction<ServerResponse> lookingRoutes(EventLog log) {
        return RouterFunctions.route()
                .GET("/bench/empty-looks", request -> answer(log.end().flatMap(end -> looks(log, end, LOOKS))))
                .GET("/bench/pages", request -> answer(looks(log, Position.BEGINNING, PAGES)))
                .build();
    }

    private static Mono<ServerResponse> answer(Mono<Long> nanos) {
        return nanos.flatMap(median -> ServerResponse.ok().bodyValue(median.toString()));
    }

    /** From the same position each time; the first half warms up. */
    private static Mono<Long> looks(EventLog log, Position from, int times) {
        return timed(log, from)
                .repeat(times - 1)
                .skip(times / 2)
                .collectList()
                .map(nanos -> nanos.stream().sorted().toList().get(nanos.size() / 2));
    }

    private static Mono<Long> timed(EventLog log, Position from) {
        return Mono.defer(() -> {
            long began = System.nanoTime();
            return log.page(from, 1_000, Wanted.ALL, 0).map(page -> System.nanoTime() - began);
        });
    }
}
