package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.database.Database;
import dev.outbox.problems.TestProblems;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.test.web.reactive.server.WebTestClient;
import reactor.core.publisher.Mono;

/** What the calls take and answer, with neither server nor database. */
class OrderRouterTests {

    private final FakeStore store = new FakeStore();
    private final WebTestClient client = TestProblems.client(new OrderRouter(store).orderRoutes());

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "[]",
                "7",
                "{",
                "{}",
                "{\"id\":1}",
                "{\"status\":\"shipped\"}",
                "{\"id\":1,\"status\":\"shipped\"",
                "{\"id\":1,\"status\":\"shipped\"} x",
                "{\"id\":1,\"status\":\"shipped\"}{\"id\":1,\"status\":\"shipped\"}",
                "{\"id\":\"1\",\"status\":\"shipped\"}",
                "{\"id\":1.5,\"status\":\"shipped\"}",
                "{\"id\":1.0,\"status\":\"shipped\"}",
                "{\"id\":1e3,\"status\":\"shipped\"}",
                "{\"id\":true,\"status\":\"shipped\"}",
                "{\"id\":null,\"status\":\"shipped\"}",
                "{\"id\":0,\"status\":\"shipped\"}",
                "{\"id\":-1,\"status\":\"shipped\"}",
                "{\"id\":9223372036854775808,\"status\":\"shipped\"}",
                "{\"id\":[1],\"status\":\"shipped\"}",
                "{\"id\":1,\"status\":\"lost\"}",
                "{\"id\":1,\"status\":\"SHIPPED\"}",
                "{\"id\":1,\"status\":null}",
                "{\"id\":1,\"status\":2}",
                "{\"id\":1,\"status\":true}",
                "{\"id\":1,\"status\":{}}",
                "{\"id\":1,\"status\":\"shipped\",\"version\":1}",
                "{\"id\":1,\"id\":1,\"status\":\"shipped\"}",
                "{\"id\":1,\"Status\":\"shipped\"}",
                "{'id':1,'status':'shipped'}",
                "{id:1}",
                "{\"id\":01,\"status\":\"shipped\"}",
                "{\"id\":1,\"status\":\"shipped\",}",
                "\ufeff{\"id\":1,\"status\":\"shipped\"}"
            })
    void whatIsNotExactlyAChangeIsRefused(String body) {
        byte[] problem = client.patch()
                .uri("/orders/update")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body.getBytes(StandardCharsets.UTF_8))
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:invalid-body")
                .returnResult()
                .getResponseBodyContent();
        assertThat(problem).isNotNull().asString().doesNotContain("jackson", "java", "Exception", "Node");
        assertThat(store.changes).isEmpty();
    }

    @Test
    void aProblemNamesTheFieldAndWhatIsRight() {
        patch("/orders/update", "{\"id\":\"1\",\"status\":\"shipped\"}")
                .expectBody()
                .jsonPath("$.detail")
                .isEqualTo("`id` must be a whole number from 1 to 9223372036854775807, not the string \"1\".");
        patch("/orders/1", "{\"status\":\"lost\"}")
                .expectBody()
                .jsonPath("$.detail")
                .isEqualTo("`status` must be one of created, backorder, shipped, canceled, not the string \"lost\".");
        patch("/orders/1", "{\"id\":1}")
                .expectBody()
                .jsonPath("$.detail")
                .isEqualTo("There is no field `id` here, only `status`.");
        patch("/orders/1", "{}").expectBody().jsonPath("$.detail").isEqualTo("The field `status` is missing.");
    }

    @Test
    void bytesThatAreNotUtf8AreRefused() {
        client.patch()
                .uri("/orders/1")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(new byte[] {'{', '"', (byte) 0xff, '"', '}'})
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectBody()
                .jsonPath("$.detail")
                .isEqualTo("This is not valid UTF-8; JSON must be.");
    }

    @Test
    void aBodyThatIsTooLargeIsRefused() {
        client.patch()
                .uri("/orders/1")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(new byte[(1 << 20) + 1])
                .exchange()
                .expectStatus()
                .isEqualTo(413)
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:body-too-large");
    }

    @Test
    void anotherMediaTypeIsRefusedAndTheRightOnesAreNamed() {
        client.patch()
                .uri("/orders/1")
                .contentType(MediaType.TEXT_PLAIN)
                .bodyValue("{}")
                .exchange()
                .expectStatus()
                .isEqualTo(415)
                .expectHeader()
                .valueEquals("Accept", "application/json, application/merge-patch+json")
                .expectHeader()
                .valueEquals("Accept-Patch", "application/json, application/merge-patch+json");
        client.post()
                .uri("/orders")
                .exchange()
                .expectStatus()
                .isEqualTo(415)
                .expectHeader()
                .valueEquals("Accept", "application/json")
                .expectHeader()
                .doesNotExist("Accept-Patch");
        client.patch()
                .uri("/orders/1")
                .contentType(MediaType.parseMediaType("application/merge-patch+json"))
                .bodyValue("{\"status\":\"shipped\"}")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "PUT|/orders|GET, HEAD, POST, PATCH, OPTIONS",
                "DELETE|/orders/1|GET, HEAD, PATCH, OPTIONS",
                "GET|/orders/update|PATCH, OPTIONS",
                "POST|/orders/7|GET, HEAD, PATCH, OPTIONS"
            })
    void anotherMethodIsRefusedAndTheRightOnesAreNamed(String method, String path, String allow) {
        client.method(HttpMethod.valueOf(method))
                .uri(path)
                .exchange()
                .expectStatus()
                .isEqualTo(405)
                .expectHeader()
                .valueEquals("Allow", allow)
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON);
        client.options()
                .uri(path)
                .exchange()
                .expectStatus()
                .isNoContent()
                .expectHeader()
                .valueEquals("Allow", allow);
    }

    @ParameterizedTest
    @CsvSource({
        "/orders?status=lost,status",
        "/orders?status=,status",
        "/orders?status,status",
        "/orders?limit=0,limit",
        "/orders?limit=1001,limit",
        "/orders?limit=x,limit",
        "/orders?after=-1,after",
        "/orders?clientId=0,clientId",
        "/orders?clientId=9223372036854775808,clientId",
        "/orders?page=2,page",
        "/orders?limit=1&limit=2,limit",
        "/orders/x,id",
        "/orders/0,id",
        "/orders/9223372036854775808,id",
        "/orders/+1,id",
        "/orders/1?x=1,x"
    })
    void aParameterThatIsNotRightIsNamed(String uri, String parameter) {
        client.get()
                .uri(uri)
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:invalid-parameter")
                .jsonPath("$.parameter")
                .isEqualTo(parameter)
                .jsonPath("$.detail")
                .value(String.class, detail -> assertThat(detail).contains(parameter));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"clientId\":1,\"itemIds\":[]}",
                "{\"clientId\":1,\"itemIds\":[1,1]}",
                "{\"clientId\":1,\"itemIds\":[\"1\"]}",
                "{\"clientId\":1,\"itemIds\":1}",
                "{\"clientId\":1,\"itemIds\":[null]}",
                "{\"clientId\":1}",
                "{\"itemIds\":[1]}"
            })
    void whatIsNotExactlyANewOrderIsRefused(String body) {
        client.post()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body)
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:invalid-body");
    }

    @Test
    void anArrayOrLinesAsTheClientLikes() {
        client.get()
                .uri("/orders")
                .header("Accept", "application/x-ndjson;q=0.1, application/json")
                .exchange()
                .expectHeader()
                .contentType(MediaType.APPLICATION_JSON);
        client.get()
                .uri("/orders")
                .header("Accept", "application/x-ndjson, */*")
                .exchange()
                .expectHeader()
                .contentType(MediaType.APPLICATION_NDJSON);
        client.get()
                .uri("/orders")
                .header("Accept", "nonsense")
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectBody();
    }

    @Test
    void aStreamReadsPageByPage() {
        store.orders = 1_200;
        byte[] lines = client.get()
                .uri("/orders")
                .accept(MediaType.APPLICATION_NDJSON)
                .exchange()
                .expectBody()
                .returnResult()
                .getResponseBodyContent();
        assertThat(lines).isNotNull().asString().hasLineCount(1_200);
        assertThat(store.pages).containsExactly(0L, 500L, 1_000L);
    }

    @Test
    void changesOfOneOrderNeverShareAStatement() {
        client.patch()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_NDJSON)
                .bodyValue("""
                        {"id":1,"status":"backorder"}
                        {"id":2,"status":"backorder"}
                        {"id":1,"status":"created"}
                        {"id":3,"status":"created"}
                        {"id":3,"status":"shipped"}
                        """)
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody();
        assertThat(store.changes).containsExactly(List.of(1L, 2L), List.of(1L, 3L), List.of(3L));
    }

    @Test
    void withoutTheDatabaseEachLineIsAnsweredAndEachCallIsRefused() {
        WebTestClient away = TestProblems.client(new OrderRouter(new OrderStore(nowhere())).orderRoutes());
        away.get()
                .uri("/orders/1")
                .exchange()
                .expectStatus()
                .isEqualTo(503)
                .expectHeader()
                .valueEquals("Retry-After", "1");
        byte[] lines = away.patch()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_NDJSON)
                .bodyValue("{\"id\":1,\"status\":\"backorder\"}\nx\n{\"id\":1,\"status\":\"created\"}")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .returnResult()
                .getResponseBodyContent();
        assertThat(new String(requireNonNull(lines), StandardCharsets.UTF_8).lines())
                .satisfiesExactly(
                        one -> assertThat(one).contains("database-unavailable", "\"line\":1", "\"id\":1"),
                        two -> assertThat(two).contains("invalid-body", "\"line\":2"),
                        three -> assertThat(three).contains("database-unavailable", "\"line\":3", "\"id\":1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"*", "\"1\"", ""})
    void linesHaveNoIfMatchBecauseEachHasItsVersion(String versions) {
        client.patch()
                .uri("/orders")
                .header("If-Match", versions)
                .contentType(MediaType.APPLICATION_NDJSON)
                .bodyValue("{\"id\":1,\"status\":\"shipped\"}")
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:invalid-parameter")
                .jsonPath("$.parameter")
                .isEqualTo("If-Match");
        assertThat(store.changes).isEmpty();
    }

    private WebTestClient.ResponseSpec patch(String uri, String body) {
        return client.patch()
                .uri(uri)
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body)
                .exchange();
    }

    private static Database nowhere() {
        return new Database(
                new ConnectionFactory() {
                    @Override
                    public Publisher<? extends Connection> create() {
                        return Mono.error(new R2dbcNonTransientResourceException("refused"));
                    }

                    @Override
                    public ConnectionFactoryMetadata getMetadata() {
                        return () -> "nowhere";
                    }
                },
                Duration.ofSeconds(1));
    }

    /** Holds orders 1 to n, and makes every change. */
    /** The link kept the name as it was written, and led to a 400 because {@code after} was there twice. */
    @Test
    void theLinkToTheNextPageHasEachParameterOnce() {
        client.get()
                .uri(URI.create("/orders?%61fter=1&limit=1&status=%63reated"))
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .valueEquals("Link", "</orders?after=2&limit=1&status=created>; rel=\"next\"");
    }

    private static final class FakeStore extends OrderStore {

        private final List<List<Long>> changes = new ArrayList<>();
        private final List<Long> pages = new ArrayList<>();
        private long orders = 3;

        FakeStore() {
            super(nowhere());
        }

        @Override
        Mono<List<Order>> page(OrderFilter filter, long after, int limit) {
            return Mono.fromSupplier(() -> {
                pages.add(after);
                return LongStream.rangeClosed(after + 1, Math.min(after + limit, orders))
                        .mapToObj(id -> order(id, OrderStatus.CREATED))
                        .toList();
            });
        }

        @Override
        Mono<List<ChangeResult>> changeUnlocked(List<StatusChange> wanted) {
            return change(wanted);
        }

        @Override
        Mono<List<ChangeResult>> change(List<StatusChange> wanted) {
            return Mono.fromSupplier(() -> {
                changes.add(wanted.stream().map(StatusChange::id).toList());
                return wanted.stream()
                        .map(change -> new ChangeResult(
                                change, ChangeResult.Kind.UPDATED, order(change.id(), change.status())))
                        .toList();
            });
        }

        private static Order order(long id, OrderStatus status) {
            return new Order(id, 1, status, 1, Instant.EPOCH, Instant.EPOCH);
        }
    }
}
