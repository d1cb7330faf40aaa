package dev.outbox.problems;

import org.springframework.test.web.reactive.server.WebTestClient;
import org.springframework.web.reactive.function.server.HandlerStrategies;
import org.springframework.web.reactive.function.server.RouterFunction;

/** Routes without a server, with errors answered as the application does. */
public final class TestProblems {

    private TestProblems() {}

    public static WebTestClient client(RouterFunction<?> routes) {
        return WebTestClient.bindToRouterFunction(routes)
                .handlerStrategies(HandlerStrategies.builder()
                        .exceptionHandler(new ProblemHandler())
                        .build())
                .build();
    }
}
