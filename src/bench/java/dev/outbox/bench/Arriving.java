package dev.outbox.bench;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.springframework.context.annotation.Bean;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** In the service: a handler that notes when the last event of each order came, and the route that gives the notes away. */
final class Arriving {

    private final Map<String, Long> arrivals = new ConcurrentHashMap<>();

    /** Microseconds, by the clock of the machine, which processes share. */
    static long now() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }

    @Bean
    Handler arrivingHandler() {
        return new Noter();
    }

    @Bean
    RouterFunction<ServerResponse> arrivingRoutes() {
        return RouterFunctions.route()
                .GET("/bench/arrivals", request -> ServerResponse.ok().bodyValue(take()))
                .build();
    }

    private String take() {
        String lines = arrivals.entrySet().stream()
                .map(arrival -> arrival.getKey() + " " + arrival.getValue())
                .collect(Collectors.joining("\n"));
        arrivals.clear();
        return lines;
    }

    private final class Noter implements Handler {

        @Override
        public String name() {
            return "arriving";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            arrivals.put(event.key(), now());
            return Mono.empty();
        }
    }
}
