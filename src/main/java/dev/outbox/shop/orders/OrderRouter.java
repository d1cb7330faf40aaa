package dev.outbox.shop.orders;

import static org.springframework.http.HttpMethod.GET;
import static org.springframework.http.HttpMethod.PATCH;
import static org.springframework.http.HttpMethod.POST;
import static org.springframework.http.MediaType.APPLICATION_JSON;
import static org.springframework.http.MediaType.APPLICATION_NDJSON;

import dev.outbox.http.JsonFields;
import dev.outbox.http.Keyset;
import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.http.RequestBody;
import dev.outbox.problems.Problem;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.BodyExtractors;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The calls about orders: decodes, validates, answers. */
@Configuration(proxyBeanMethods = false)
class OrderRouter {

    private static final MediaType MERGE_PATCH = MediaType.parseMediaType("application/merge-patch+json");

    /** How many orders a stream reads at once. */
    private static final int STREAMED = 500;

    private final OrderStore store;
    private final ChangeBatcher batcher;
    private final StatusChangeLines lines;

    OrderRouter(OrderStore store) {
        this.store = store;
        this.batcher = new ChangeBatcher(store);
        this.lines = new StatusChangeLines(batcher::changeAll);
    }

    @Bean
    RouterFunction<ServerResponse> orderRoutes() {
        return RouterFunctions.route()
                .route(Methods.get("/orders"), this::list)
                .POST("/orders", this::create)
                .PATCH("/orders", this::changeMany)
                .add(Methods.others("/orders", GET, POST, PATCH))
                .PATCH("/orders/update", this::update)
                .add(Methods.others("/orders/update", PATCH))
                .route(Methods.get("/orders/{id}"), this::read)
                .PATCH("/orders/{id}", this::change)
                .add(Methods.others("/orders/{id}", GET, PATCH))
                .build();
    }

    private Mono<ServerResponse> list(ServerRequest request) {
        Parameters parameters = Parameters.of(request, "status", "clientId", "limit", "after");
        OrderFilter filter = new OrderFilter(status(parameters), parameters.number("clientId", 1, Long.MAX_VALUE));
        Keyset keyset = Keyset.of(parameters);
        if (!wantsLines(request)) {
            return store.page(filter, keyset.after(), keyset.oneMore())
                    .flatMap(orders -> keyset.answer(request, orders, Order::id));
        }
        Flux<List<Order>> pages = parameters.text("limit") == null
                ? stream(filter, keyset.after())
                : store.page(filter, keyset.after(), keyset.limit()).flux();
        return ServerResponse.ok()
                .contentType(APPLICATION_NDJSON)
                .varyBy(HttpHeaders.ACCEPT)
                .body(JsonLines.of(pages));
    }

    private Mono<ServerResponse> read(ServerRequest request) {
        Parameters.of(request);
        long id = Parameters.id(request);
        return store.find(id)
                .switchIfEmpty(Mono.error(() -> Problem.unknown("order", id)))
                .flatMap(order -> request.checkNotModified(order.order().etag())
                        .switchIfEmpty(Mono.defer(() ->
                                ServerResponse.ok().eTag(order.order().etag()).bodyValue(order))));
    }

    private Mono<ServerResponse> create(ServerRequest request) {
        Parameters.of(request);
        RequestBody.require(request, APPLICATION_JSON);
        return RequestBody.read(request)
                .map(OrderRouter::newOrder)
                .flatMap(store::create)
                .flatMap(order -> ServerResponse.created(
                                URI.create("/orders/" + order.order().id()))
                        .eTag(order.order().etag())
                        .bodyValue(order));
    }

    /** The order is named in the body. */
    private Mono<ServerResponse> update(ServerRequest request) {
        Parameters.of(request);
        RequestBody.require(request, APPLICATION_JSON);
        Versions versions = Versions.ifMatch(request.headers().header(HttpHeaders.IF_MATCH));
        return RequestBody.read(request)
                .map(body -> JsonFields.of(body, "id", "status"))
                .flatMap(fields ->
                        change(new StatusChange(fields.number("id"), OrderStatus.of(fields, "status"), versions)));
    }

    /** The order is named in the path. */
    private Mono<ServerResponse> change(ServerRequest request) {
        Parameters.of(request);
        RequestBody.require(request, APPLICATION_JSON, MERGE_PATCH);
        long id = Parameters.id(request);
        Versions versions = Versions.ifMatch(request.headers().header(HttpHeaders.IF_MATCH));
        return RequestBody.read(request)
                .map(body -> JsonFields.of(body, "status"))
                .flatMap(fields -> change(new StatusChange(id, OrderStatus.of(fields, "status"), versions)));
    }

    private Mono<ServerResponse> change(StatusChange change) {
        return batcher.change(change).flatMap(OrderRouter::answer);
    }

    private static Mono<ServerResponse> answer(ChangeResult result) {
        Order order = result.order();
        Problem problem = result.problem();
        if (problem != null || order == null) {
            return Mono.error(
                    problem == null ? Problem.unknown("order", result.change().id()) : problem);
        }
        return ServerResponse.ok().eTag(order.etag()).bodyValue(order);
    }

    /** One change a line, and for each line one of the answer. */
    private Mono<ServerResponse> changeMany(ServerRequest request) {
        Parameters.of(request);
        RequestBody.require(request, APPLICATION_NDJSON);
        if (!request.headers().header(HttpHeaders.IF_MATCH).isEmpty()) {
            throw Problem.invalidParameter(
                    HttpHeaders.IF_MATCH, "There is no `If-Match` for many orders; give a line its `version`.");
        }
        return ServerResponse.ok()
                .contentType(APPLICATION_NDJSON)
                .body(JsonLines.of(lines.answer(request.body(BodyExtractors.toDataBuffers()))));
    }

    /** Page by page, so that no transaction stays open while the client takes its time; at most one page is read ahead. */
    private Flux<List<Order>> stream(OrderFilter filter, long after) {
        return store.page(filter, after, STREAMED)
                .expand(page -> page.size() < STREAMED
                        ? Mono.empty()
                        : store.page(filter, page.get(page.size() - 1).id(), STREAMED));
    }

    private static NewOrder newOrder(ByteBuffer body) {
        JsonFields fields = JsonFields.of(body, "clientId", "itemIds");
        return new NewOrder(fields.number("clientId"), fields.numbers("itemIds"));
    }

    private static @Nullable OrderStatus status(Parameters parameters) {
        String text = parameters.text("status");
        OrderStatus status = OrderStatus.of(text);
        if (text != null && status == null) {
            throw Problem.invalidParameter("status", "`status` must be one of " + OrderStatus.names() + ".");
        }
        return status;
    }

    /** Whether the client names JSON lines, and does not like a JSON array more. */
    private static boolean wantsLines(ServerRequest request) {
        double lines = 0;
        double array = 0;
        for (MediaType type : request.headers().accept()) {
            if (type.equalsTypeAndSubtype(APPLICATION_NDJSON)) {
                lines = Math.max(lines, type.getQualityValue());
            } else if (type.equalsTypeAndSubtype(APPLICATION_JSON)) {
                array = Math.max(array, type.getQualityValue());
            }
        }
        return lines > 0 && lines >= array;
    }
}
