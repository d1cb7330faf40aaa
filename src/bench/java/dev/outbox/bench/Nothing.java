package dev.outbox.bench;

import org.springframework.context.annotation.Bean;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;

/** In the service: a route that does nothing. */
final class Nothing {

    @Bean
    RouterFunction<ServerResponse> nothingRoutes() {
        return RouterFunctions.route()
                .PATCH("/bench/nothing", request -> ServerResponse.ok().build())
                .build();
    }
}
