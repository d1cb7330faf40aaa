package dev.outbox.problems;

import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.logging.LogValue;
import org.springframework.core.annotation.Order;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebExceptionHandler;
import org.springframework.web.util.DisconnectedClientHelper;
import reactor.core.publisher.Mono;

/** Answers every error as a problem. Stands before Spring Boot's handler (at -1), which is left without work. */
@Component
@Order(-2)
final class ProblemHandler implements WebExceptionHandler {

    @Override
    public Mono<Void> handle(ServerWebExchange exchange, Throwable error) {
        ServerHttpResponse response = exchange.getResponse();
        if (isGone(error)) {
            return Mono.error(error);
        }
        if (response.isCommitted()) {
            return Mono.error(LogValue.stack(error)); // the library logs it and ends the connection
        }
        return Mono.defer(() -> answer(response, Problem.of(error, request(exchange))));
    }

    private static Mono<Void> answer(ServerHttpResponse response, Problem problem) {
        byte[] body = problem.json();
        response.setStatusCode(problem.status());
        response.getHeaders().putAll(problem.headers());
        response.getHeaders().setContentType(MediaType.APPLICATION_PROBLEM_JSON);
        response.getHeaders().setContentLength(body.length);
        return response.writeWith(Mono.just(response.bufferFactory().wrap(body)));
    }

    /** Whether it was the client who closed the connection: nobody is left to answer. */
    private static boolean isGone(Throwable error) {
        return !(error instanceof Problem || error instanceof DatabaseUnavailableException)
                && DisconnectedClientHelper.isClientDisconnectedException(error);
    }

    private static String request(ServerWebExchange exchange) {
        return exchange.getRequest().getMethod() + " "
                + exchange.getRequest().getURI().getRawPath();
    }
}
