package dev.outbox.bench;

import java.lang.management.ManagementFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;

/** In the service: a route that says how many bytes of the heap are in use when the garbage is gone. */
final class Memory {

    @Bean
    RouterFunction<ServerResponse> memoryRoutes() {
        return RouterFunctions.route()
                .GET("/bench/heap", request -> ServerResponse.ok().bodyValue(Long.toString(heap())))
                .build();
    }

    private static long heap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
