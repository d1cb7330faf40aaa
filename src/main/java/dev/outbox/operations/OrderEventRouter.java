package dev.outbox.operations;

import static org.springframework.http.HttpMethod.GET;

import dev.outbox.database.Database;
import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.log.EventLog;
import dev.outbox.problems.Problem;
import java.util.List;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** What happened to an order: its events, the oldest first. */
@Configuration(proxyBeanMethods = false)
class OrderEventRouter {

    private static final String PATH = "/orders/{id}/events";

    private static final int DEFAULT = 100;
    private static final int MOST = 1000;

    /** Index orders_pkey. An order that was loaded and never changed has no events. */
    private static final String EXISTS = "select exists (select from orders where id = $1) as known";

    private final Database database;
    private final EventLog log;

    OrderEventRouter(Database database, EventLog log) {
        this.database = database;
        this.log = log;
    }

    @Bean
    RouterFunction<ServerResponse> orderEventRoutes() {
        return RouterFunctions.route()
                .route(Methods.get(PATH), this::list)
                .add(Methods.others(PATH, GET))
                .build();
    }

    private Mono<ServerResponse> list(ServerRequest request) {
        Long limit = Parameters.of(request, "limit").number("limit", 1, MOST);
        long id = Parameters.id(request);
        return exists(id)
                .filter(known -> known)
                .switchIfEmpty(Mono.error(() -> Problem.unknown("order", id)))
                .flatMap(known -> events(id, limit == null ? DEFAULT : limit.intValue()))
                .flatMap(events -> ServerResponse.ok().bodyValue(events));
    }

    private Mono<Boolean> exists(long id) {
        return database.query(row -> Boolean.TRUE.equals(row.get("known", Boolean.class)), EXISTS, id)
                .map(rows -> rows.get(0));
    }

    private Mono<List<OrderEvent>> events(long id, int limit) {
        return log.ofKey("order", Long.toString(id), limit)
                .map(events -> events.stream().map(OrderEvent::of).toList());
    }
}
