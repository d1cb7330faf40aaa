package dev.outbox.shop.orders;

import static org.springframework.http.MediaType.APPLICATION_JSON;

import dev.outbox.http.JsonFields;
import dev.outbox.http.Parameters;
import dev.outbox.http.RequestBody;
import java.util.List;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpHeaders;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** In the service: PATCH /orders/update as it would be without batches, each change a statement of its own. */
public final class SingleChanges {

    @Bean
    RouterFunction<ServerResponse> singleChangeRoutes(OrderStore store) {
        return RouterFunctions.route()
                .PATCH("/bench/orders/update", request -> update(store, request))
                .build();
    }

    private static Mono<ServerResponse> update(OrderStore store, ServerRequest request) {
        Parameters.of(request);
        RequestBody.require(request, APPLICATION_JSON);
        Versions versions = Versions.ifMatch(request.headers().header(HttpHeaders.IF_MATCH));
        return RequestBody.read(request)
                .map(body -> JsonFields.of(body, "id", "status"))
                .map(fields -> new StatusChange(fields.number("id"), OrderStatus.of(fields, "status"), versions))
                .flatMap(change -> store.change(List.of(change)))
                .map(results -> results.get(0).order())
                .flatMap(order -> ServerResponse.ok().eTag(order.etag()).bodyValue(order));
    }
}
