package dev.outbox.operations;

import static org.springframework.http.HttpMethod.DELETE;
import static org.springframework.http.HttpMethod.GET;

import dev.outbox.http.Keyset;
import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.log.Actions;
import dev.outbox.log.EventLog;
import dev.outbox.problems.Problem;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** What operators look at: subscriptions, their parked events, and what was asked for. */
@Configuration(proxyBeanMethods = false)
class SubscriptionRouter {

    private static final String ALL = "/subscriptions";
    private static final String ONE = "/subscriptions/{name}";
    private static final String ACTIONS = "/subscriptions/{name}/actions";
    private static final String ACTION = "/subscriptions/{name}/actions/{id}";
    private static final String PARKED = "/subscriptions/{name}/parked";
    private static final String PARKED_EVENT = "/subscriptions/{name}/parked/{id}";

    private static final List<String> STATES = List.of("retrying", "blocked", "dead");

    private final SubscriptionReports reports;
    private final ParkedReports parked;
    private final Actions actions;
    private final EventLog log;

    SubscriptionRouter(SubscriptionReports reports, ParkedReports parked, Actions actions, EventLog log) {
        this.reports = reports;
        this.parked = parked;
        this.actions = actions;
        this.log = log;
    }

    @Bean
    RouterFunction<ServerResponse> subscriptionRoutes(OperatorRouter operator) {
        return RouterFunctions.route()
                .route(Methods.get(ALL), this::all)
                .add(Methods.others(ALL, GET))
                .route(Methods.get(ONE), this::one)
                .add(Methods.others(ONE, GET))
                .route(Methods.get(ACTIONS), this::actions)
                .add(Methods.others(ACTIONS, GET))
                .route(Methods.get(ACTION), this::action)
                .route(Methods.get(PARKED), this::parked)
                .add(Methods.others(PARKED, GET))
                .add(operator.routes())
                .add(Methods.others(ACTION, GET, DELETE))
                .route(Methods.get(PARKED_EVENT), this::parkedEvent)
                .add(Methods.others(PARKED_EVENT, GET))
                .build();
    }

    private Mono<ServerResponse> all(ServerRequest request) {
        Parameters.of(request);
        return reports.all().flatMap(all -> ServerResponse.ok().bodyValue(all));
    }

    private Mono<ServerResponse> one(ServerRequest request) {
        Parameters.of(request);
        return reports.of(request.pathVariable("name"))
                .flatMap(one -> ServerResponse.ok().bodyValue(one));
    }

    /** The latest first. */
    private Mono<ServerResponse> actions(ServerRequest request) {
        Parameters parameters = Parameters.of(request, "before", "limit");
        Long before = parameters.number("before", 1, Long.MAX_VALUE);
        Long limit = parameters.number("limit", 1, 1000);
        return reports.known(request.pathVariable("name"))
                .flatMap(name -> actions.list(
                        name, before == null ? Long.MAX_VALUE : before, limit == null ? 50 : limit.intValue()))
                .flatMap(found -> ServerResponse.ok().bodyValue(found));
    }

    private Mono<ServerResponse> action(ServerRequest request) {
        Parameters.of(request);
        long id = Parameters.id(request);
        return reports.known(request.pathVariable("name"))
                .flatMap(name -> actions.find(name, id))
                .switchIfEmpty(Mono.error(() -> Problem.unknown("action", id)))
                .flatMap(action -> ServerResponse.ok().bodyValue(action));
    }

    private Mono<ServerResponse> parked(ServerRequest request) {
        Parameters parameters = Parameters.of(request, "state", "aggregateType", "key", "limit", "after");
        Keyset keyset = Keyset.of(parameters);
        String state = state(parameters);
        return reports.known(request.pathVariable("name"))
                .flatMap(name -> parked.list(
                        name,
                        state,
                        parameters.text("aggregateType"),
                        parameters.text("key"),
                        keyset.after(),
                        keyset.oneMore()))
                .flatMap(found -> keyset.answer(request, found, ParkedReport::eventId));
    }

    private Mono<ServerResponse> parkedEvent(ServerRequest request) {
        Parameters.of(request);
        long id = Parameters.id(request);
        return reports.known(request.pathVariable("name"))
                .flatMap(name -> parked.find(name, id))
                .switchIfEmpty(Mono.error(() -> notParked(id)))
                .flatMap(found -> EventRouter.find(log, id).map(found::with))
                .flatMap(found -> ServerResponse.ok().bodyValue(found));
    }

    private static @Nullable String state(Parameters parameters) {
        String state = parameters.text("state");
        if (state != null && !STATES.contains(state)) {
            throw Problem.invalidParameter("state", "`state` must be one of " + String.join(", ", STATES) + ".");
        }
        return state;
    }

    private static Problem notParked(long id) {
        return Problem.of(
                HttpStatus.NOT_FOUND,
                "not-parked",
                "Not parked",
                "Event " + id + " is not parked here; GET /events/" + id + "/deliveries says what became of it.");
    }
}
