package dev.outbox.shop.billing;

import static org.springframework.http.HttpMethod.GET;

import dev.outbox.http.Keyset;
import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.problems.Problem;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** The calls about charges. */
@Configuration(proxyBeanMethods = false)
class ChargeRouter {

    private static final String OF_ORDER = "/orders/{id}/charges";
    private static final String OF_CLIENT = "/clients/{id}/charges";

    private final ChargeStore store;

    ChargeRouter(ChargeStore store) {
        this.store = store;
    }

    @Bean
    RouterFunction<ServerResponse> chargeRoutes() {
        return RouterFunctions.route()
                .route(Methods.get(OF_ORDER), this::listOfOrder)
                .add(Methods.others(OF_ORDER, GET))
                .route(Methods.get(OF_CLIENT), this::listOfClient)
                .add(Methods.others(OF_CLIENT, GET))
                .build();
    }

    private Mono<ServerResponse> listOfOrder(ServerRequest request) {
        Parameters.of(request);
        long id = Parameters.id(request);
        return store.ofOrder(id)
                .switchIfEmpty(Mono.error(() -> Problem.unknown("order", id)))
                .flatMap(charges -> ServerResponse.ok().bodyValue(charges));
    }

    private Mono<ServerResponse> listOfClient(ServerRequest request) {
        Keyset keyset = Keyset.of(Parameters.of(request, "limit", "after"));
        long id = Parameters.id(request);
        return store.ofClient(id, keyset.after(), keyset.oneMore())
                .switchIfEmpty(Mono.error(() -> Problem.unknown("client", id)))
                .flatMap(charges -> keyset.answer(request, charges, Charge::id));
    }
}
