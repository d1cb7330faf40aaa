package dev.outbox.http;

import dev.outbox.problems.Problem;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.web.reactive.function.server.RequestPredicate;
import org.springframework.web.reactive.function.server.RequestPredicates;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** The methods of a path: functional routes know of HEAD, OPTIONS and 405 only what they are told. */
public final class Methods {

    private Methods() {}

    /** GET, and HEAD, whose body the server drops. */
    public static RequestPredicate get(String path) {
        return RequestPredicates.methods(HttpMethod.GET, HttpMethod.HEAD).and(RequestPredicates.path(path));
    }

    /** What answers the other methods of a path; to be routed behind those that are allowed. */
    public static RouterFunction<ServerResponse> others(String path, HttpMethod... allowed) {
        String allow = Stream.concat(
                        Arrays.stream(allowed)
                                .flatMap(method -> method.equals(HttpMethod.GET)
                                        ? Stream.of(method, HttpMethod.HEAD)
                                        : Stream.of(method)),
                        Stream.of(HttpMethod.OPTIONS))
                .map(HttpMethod::name)
                .collect(Collectors.joining(", "));
        return RouterFunctions.route(RequestPredicates.path(path), request -> answer(request, allow));
    }

    private static Mono<ServerResponse> answer(ServerRequest request, String allow) {
        if (request.method().equals(HttpMethod.OPTIONS)) {
            return ServerResponse.noContent().header(HttpHeaders.ALLOW, allow).build();
        }
        return Mono.error(Problem.of(
                        HttpStatus.METHOD_NOT_ALLOWED,
                        "method-not-allowed",
                        "Method not allowed",
                        request.method() + " is not allowed here; allowed are " + allow + ".")
                .header(HttpHeaders.ALLOW, allow));
    }
}
