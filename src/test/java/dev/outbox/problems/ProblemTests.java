package dev.outbox.problems;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.core.io.buffer.DataBufferLimitException;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.mock.http.server.reactive.MockServerHttpRequest;
import org.springframework.mock.http.server.reactive.MockServerHttpResponse;
import org.springframework.mock.web.server.MockServerWebExchange;
import org.springframework.web.server.MethodNotAllowedException;
import org.springframework.web.server.ResponseStatusException;

class ProblemTests {

    @Test
    void aFaultOfTheServerTellsNothingOfItsInside() {
        Problem problem = Problem.of(new IllegalStateException("select secret from dev.outbox.Inside"), "GET /orders");
        assertThat(problem.status()).isEqualTo(HttpStatus.INTERNAL_SERVER_ERROR);
        assertThat(problem.members().toString()).doesNotContain("secret", "Inside", "Exception");
    }

    @Test
    void whatSpringRefusesIsToldInOurWords() {
        Problem problem =
                Problem.of(new ResponseStatusException(HttpStatus.NOT_FOUND, "No static resource x."), "GET /x");
        assertThat(problem.members())
                .containsEntry("type", "urn:outbox:problem:not-found")
                .containsEntry("status", 404)
                .containsEntry("detail", "There is nothing at this path.");
        assertThat(Problem.of(new MethodNotAllowedException(HttpMethod.PUT, Set.of(HttpMethod.GET)), "PUT /x")
                        .headers()
                        .getAllow())
                .containsExactly(HttpMethod.GET);
        assertThat(Problem.of(new DataBufferLimitException("too long"), "POST /x")
                        .status())
                .isEqualTo(HttpStatus.CONTENT_TOO_LARGE);
        assertThat(Problem.of(new ResponseStatusException(HttpStatus.BAD_GATEWAY, "inside"), "GET /x")
                        .detail())
                .doesNotContain("inside");
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void whatIsLoggedOfAFaultCanNotForgeALine(CapturedOutput output) {
        Problem problem = Problem.of(new IllegalStateException("so\n12:00:00 INFO forged"), "GET /x\ny");
        assertThat(problem.status()).isEqualTo(HttpStatus.INTERNAL_SERVER_ERROR);
        assertThat(output)
                .contains("request.failed request=\"GET /x\\ny\"")
                .contains("java.lang.IllegalStateException: so\\n12:00:00 INFO forged")
                .contains("at dev.outbox.problems.ProblemTests")
                .doesNotContain("\n12:00:00 INFO forged");
    }

    @Test
    void membersAndHeadersAreAddedToACopy() {
        Problem plain = Problem.invalidBody("so");
        Problem more = plain.with("line", 3).header("Retry-After", "1");
        assertThat(plain.members()).doesNotContainKey("line");
        assertThat(plain.headers().isEmpty()).isTrue();
        assertThat(more.members()).containsEntry("line", 3).containsEntry("detail", "so");
        assertThat(more.headers().getFirst("Retry-After")).isEqualTo("1");
    }

    @Test
    void anAnswerIsProblemJson() {
        MockServerWebExchange exchange = MockServerWebExchange.from(MockServerHttpRequest.get("/x"));
        new ProblemHandler().handle(exchange, Problem.unknown("order", 7)).block();
        MockServerHttpResponse response = exchange.getResponse();
        assertThat(response.getStatusCode()).isEqualTo(HttpStatus.NOT_FOUND);
        assertThat(response.getHeaders().getContentType()).isEqualTo(MediaType.APPLICATION_PROBLEM_JSON);
        assertThat(response.getBodyAsString().block())
                .isEqualTo("{\"type\":\"urn:outbox:problem:unknown-order\",\"title\":\"Unknown order\",\"status\":404,"
                        + "\"detail\":\"There is no order 7.\"}");
    }
}
