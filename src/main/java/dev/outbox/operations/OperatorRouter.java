package dev.outbox.operations;

import static org.springframework.http.HttpMethod.POST;
import static org.springframework.http.MediaType.APPLICATION_JSON;

import dev.outbox.http.JsonFields;
import dev.outbox.http.Methods;
import dev.outbox.http.Parameters;
import dev.outbox.http.RequestBody;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import dev.outbox.operations.Operator.Caller;
import dev.outbox.problems.Problem;
import java.net.URI;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** What operators press: decodes, validates, answers 200 with the applied action or 202 with one that waits. */
@Component
final class OperatorRouter {

    private static final String PAUSE = "/subscriptions/{name}/pause";
    private static final String RESUME = "/subscriptions/{name}/resume";
    private static final String REPLAY = "/subscriptions/{name}/replay";
    private static final String RETRY = "/subscriptions/{name}/parked/retry";
    private static final String DISCARD = "/subscriptions/{name}/parked/discard";
    private static final String ACTION = "/subscriptions/{name}/actions/{id}";

    private static final int LONGEST = 1_000;
    private static final Pattern ID = Pattern.compile("[1-9][0-9]{0,18}");

    private final Operator operator;

    OperatorRouter(Operator operator) {
        this.operator = operator;
    }

    RouterFunction<ServerResponse> routes() {
        return RouterFunctions.route()
                .POST(PAUSE, request -> switchTo(request, Action.Name.PAUSE))
                .add(Methods.others(PAUSE, POST))
                .POST(RESUME, request -> switchTo(request, Action.Name.RESUME))
                .add(Methods.others(RESUME, POST))
                .POST(REPLAY, this::replay)
                .add(Methods.others(REPLAY, POST))
                .POST(RETRY, request -> decide(request, Action.Name.RETRY))
                .add(Methods.others(RETRY, POST))
                .POST(DISCARD, request -> decide(request, Action.Name.DISCARD))
                .add(Methods.others(DISCARD, POST))
                .DELETE(ACTION, this::cancel)
                .build();
    }

    private Mono<ServerResponse> switchTo(ServerRequest request, Action.Name name) {
        return body(request, "reason")
                .flatMap(fields -> operator.ask(
                        request.pathVariable("name"), name, Arguments.NONE, caller(request, reason(fields))))
                .flatMap(OperatorRouter::answer);
    }

    private Mono<ServerResponse> replay(ServerRequest request) {
        return body(request, "from", "aggregateType", "key", "type", "rate", "dryRun", "reason")
                .flatMap(fields -> {
                    String subscription = request.pathVariable("name");
                    Arguments arguments = new Arguments(
                            from(fields),
                            aggregateType(fields),
                            fields.optionalText("key", LONGEST),
                            fields.optionalText("type", LONGEST),
                            rate(fields),
                            null);
                    return fields.flag("dryRun")
                            ? operator.dryRun(subscription, arguments)
                                    .flatMap(count -> ServerResponse.ok().bodyValue(count))
                            : operator.replay(subscription, arguments, caller(request, reason(fields)))
                                    .flatMap(OperatorRouter::answer);
                });
    }

    private Mono<ServerResponse> cancel(ServerRequest request) {
        Parameters.of(request);
        return operator.cancel(request.pathVariable("name"), Parameters.id(request), caller(request, null))
                .flatMap(action -> ServerResponse.ok().bodyValue(action));
    }

    private Mono<ServerResponse> decide(ServerRequest request, Action.Name name) {
        return body(request, "eventId", "aggregateType", "key", "all", "reason").flatMap(fields -> {
            Caller caller =
                    caller(request, name == Action.Name.DISCARD ? fields.text("reason", LONGEST) : reason(fields));
            return operator.ask(request.pathVariable("name"), name, which(fields), caller)
                    .flatMap(OperatorRouter::answer);
        });
    }

    private static Mono<JsonFields> body(ServerRequest request, String... known) {
        Parameters.of(request);
        RequestBody.require(request, APPLICATION_JSON);
        return RequestBody.read(request).map(body -> JsonFields.of(body, known));
    }

    private static Arguments which(JsonFields fields) {
        long named = Stream.of("eventId", "key", "all").filter(fields::has).count();
        if (named != 1 || (fields.has("all") && !fields.flag("all"))) {
            throw Problem.invalidBody("Give one of `eventId`, `key` and `\"all\": true`.");
        }
        return new Arguments(
                null,
                aggregateType(fields),
                fields.optionalText("key", LONGEST),
                null,
                null,
                fields.optionalNumber("eventId"));
    }

    private static @Nullable String aggregateType(JsonFields fields) {
        if (fields.has("aggregateType") && !fields.has("key")) {
            throw Problem.invalidBody("`aggregateType` must be beside `key`: it says of which kind of thing that is.");
        }
        return fields.optionalText("aggregateType", LONGEST);
    }

    /** An event id or an instant; null for the beginning, which has to be said if all keys and types are meant. */
    private static @Nullable String from(JsonFields fields) {
        if (!fields.has("from") && (fields.has("key") || fields.has("type"))) {
            return null;
        }
        String from = fields.textOrNumber("from", 50);
        if (from.equals("beginning")) {
            return null;
        }
        try {
            return ID.matcher(from).matches() ? Long.toString(Long.parseLong(from)) : time(from);
        } catch (DateTimeException | NumberFormatException e) {
            throw Problem.invalidBody(
                    "`from` must be \"beginning\", the id of an event, or a time such as \"2026-01-31T12:00:00Z\".");
        }
    }

    private static String time(String text) {
        Instant time = OffsetDateTime.parse(text).toInstant();
        if (!Arguments.canBegin(time)) {
            throw Problem.invalidBody("`from` must be a time in the years 1 to 9999.");
        }
        return time.toString();
    }

    private static @Nullable Integer rate(JsonFields fields) {
        Long rate = fields.optionalNumber("rate");
        if (rate != null && rate > Arguments.FASTEST) {
            throw Problem.invalidBody("`rate` must be a whole number from 1 to " + Arguments.FASTEST + ".");
        }
        return rate == null ? null : (Integer) rate.intValue();
    }

    private static @Nullable String reason(JsonFields fields) {
        return fields.optionalText("reason", LONGEST);
    }

    private static Caller caller(ServerRequest request, @Nullable String reason) {
        String by = header(request, "X-Requested-By");
        String address = request.remoteAddress()
                .map(peer -> peer.getAddress().getHostAddress())
                .orElse("unknown");
        return new Caller(by == null ? address : by, reason, header(request, "Idempotency-Key"));
    }

    private static @Nullable String header(ServerRequest request, String name) {
        List<String> values = request.headers().header(name);
        if (values.isEmpty()) {
            return null;
        }
        String value = values.get(0).strip();
        if (values.size() > 1 || value.isEmpty() || value.length() > 200) {
            throw Problem.invalidParameter(name, "The header must be there once, with 1 to 200 characters.");
        }
        return value;
    }

    private static Mono<ServerResponse> answer(Action action) {
        String result = action.result();
        if (!action.aggregateTypes().isEmpty()) {
            return Mono.error(Operator.ambiguous(action));
        }
        if (result != null && result.contains("\"error\"")) {
            return Mono.error(Problem.of(
                            HttpStatus.CONFLICT,
                            "action-failed",
                            "Action failed",
                            "The action changed nothing: its result says why.")
                    .with("action", action.id())
                    .with("result", result));
        }
        ServerResponse.BodyBuilder answer = action.isApplied()
                ? ServerResponse.ok()
                : ServerResponse.accepted().location(address(action));
        return answer.bodyValue(action);
    }

    private static URI address(Action action) {
        return URI.create("/subscriptions/" + action.subscription() + "/actions/" + action.id());
    }
}
