package dev.outbox.operations;

import static org.springframework.http.HttpMethod.GET;

import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.log.EventLog;
import dev.outbox.problems.Problem;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** One event, and what became of it in each subscription. */
@Configuration(proxyBeanMethods = false)
class EventRouter {

    private static final String EVENT = "/events/{id}";
    private static final String DELIVERIES = "/events/{id}/deliveries";

    private final EventLog log;
    private final DeliveryReports deliveries;

    EventRouter(EventLog log, DeliveryReports deliveries) {
        this.log = log;
        this.deliveries = deliveries;
    }

    @Bean
    RouterFunction<ServerResponse> eventRoutes() {
        return RouterFunctions.route()
                .route(Methods.get(EVENT), this::event)
                .add(Methods.others(EVENT, GET))
                .route(Methods.get(DELIVERIES), this::deliveries)
                .add(Methods.others(DELIVERIES, GET))
                .build();
    }

    private Mono<ServerResponse> event(ServerRequest request) {
        Parameters.of(request);
        return find(log, Parameters.id(request))
                .flatMap(event -> ServerResponse.ok().bodyValue(event));
    }

    private Mono<ServerResponse> deliveries(ServerRequest request) {
        Parameters.of(request);
        long id = Parameters.id(request);
        return find(log, id)
                .then(Mono.defer(() -> deliveries.of(id)))
                .flatMap(reports -> ServerResponse.ok().bodyValue(reports));
    }

    /** Fails if there is no such event. */
    static Mono<LoggedEvent> find(EventLog log, long id) {
        return log.event(id)
                .flatMap(event -> log.identity().map(identity -> LoggedEvent.of(event, identity)))
                .switchIfEmpty(Mono.error(() -> Problem.unknown("event", id)));
    }
}
