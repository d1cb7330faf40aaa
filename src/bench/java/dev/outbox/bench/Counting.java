package dev.outbox.bench;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.springframework.context.annotation.Bean;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** In the service: a handler that counts, and the route that says how many it has and how long they took. */
final class Counting {

    private final AtomicLong count = new AtomicLong();
    private volatile long first;
    private volatile long last;

    @Bean
    Handler countingHandler() {
        return new Counter();
    }

    @Bean
    RouterFunction<ServerResponse> countingRoutes() {
        return RouterFunctions.route()
                .POST("/bench/count/reset", request -> {
                    count.set(0);
                    return ServerResponse.noContent().build();
                })
                .GET("/bench/count", request -> ServerResponse.ok().bodyValue(count + " " + (last - first)))
                .build();
    }

    private final class Counter implements Handler {

        @Override
        public String name() {
            return "counting";
        }

        @Override
        public Set<String> types() {
            return Set.of("thing.made");
        }

        @Override
        public Mono<Void> handle(Event event) {
            if (count.getAndIncrement() == 0) {
                first = System.nanoTime();
            }
            last = System.nanoTime();
            return Mono.empty();
        }
    }
}
