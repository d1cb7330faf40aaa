package dev.outbox.shop.orders;

import static dev.outbox.database.Columns.is;
import static org.springframework.http.HttpMethod.GET;

import dev.outbox.database.Database;
import dev.outbox.http.Keyset;
import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.log.EventLog;
import dev.outbox.log.KeyPage;
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
        Keyset keyset = Keyset.of(Parameters.of(request, "limit", "after"));
        long id = Parameters.id(request);
        return exists(id)
                .filter(known -> known)
                .switchIfEmpty(Mono.error(() -> Problem.unknown("order", id)))
                .flatMap(known -> log.ofKey("order", Long.toString(id), keyset.after(), keyset.limit()))
                .flatMap(page -> answer(request, page));
    }

    private Mono<Boolean> exists(long id) {
        return database.query(row -> is(row, "known"), EXISTS, id).map(rows -> rows.get(0));
    }

    private static Mono<ServerResponse> answer(ServerRequest request, KeyPage page) {
        List<OrderEvent> events = page.events().stream().map(OrderEvent::of).toList();
        return Keyset.answer(request, events, page.more(), OrderEvent::id);
    }
}
