package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.web.reactive.server.EntityExchangeResult;
import org.springframework.test.web.reactive.server.WebTestClient;

/** The calls about orders, against the real database: a thousand orders, of which every tenth is a backorder. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "spring.liquibase.enabled=false")
class OrdersIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();

    @LocalServerPort
    private int port;

    private WebTestClient client = WebTestClient.bindToServer().build();

    @DynamicPropertySource
    static void configure(DynamicPropertyRegistry registry) {
        DATABASE.configure(registry);
    }

    @BeforeEach
    void connect() {
        client = WebTestClient.bindToServer()
                .baseUrl("http://localhost:" + port)
                .responseTimeout(Duration.ofSeconds(20))
                .build();
    }

    @Test
    void anOrderIsReadWithItsItemsAndItsVersion() {
        client.get()
                .uri("/orders/11")
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .valueEquals(HttpHeaders.ETAG, "\"1\"")
                .expectBody()
                .jsonPath("$.id")
                .isEqualTo(11)
                .jsonPath("$.clientId")
                .isEqualTo(1)
                .jsonPath("$.status")
                .isEqualTo("created")
                .jsonPath("$.version")
                .isEqualTo(1)
                .jsonPath("$.createdAt")
                .value(String.class, at -> assertThat(at).endsWith("Z"))
                .jsonPath("$.items.length()")
                .isEqualTo(3)
                .jsonPath("$.items[0].currency")
                .isEqualTo("EUR")
                .jsonPath("$.order")
                .doesNotExist();
    }

    @Test
    void aReaderWhoHasTheVersionIsToldSo() {
        client.get()
                .uri("/orders/12")
                .header(HttpHeaders.IF_NONE_MATCH, "\"1\"")
                .exchange()
                .expectStatus()
                .isNotModified()
                .expectBody()
                .isEmpty();
        client.get()
                .uri("/orders/12")
                .header(HttpHeaders.IF_NONE_MATCH, "\"7\"")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody();
        client.head()
                .uri("/orders/12")
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .valueEquals(HttpHeaders.ETAG, "\"1\"")
                .expectBody()
                .isEmpty();
    }

    @Test
    void ordersAreListedPageByPage() {
        EntityExchangeResult<byte[]> first = client.get()
                .uri("/orders?status=backorder&clientId=10&limit=40")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(40)
                .jsonPath("$[0].id")
                .isEqualTo(10)
                .returnResult();
        assertThat(first.getResponseHeaders().getFirst(HttpHeaders.LINK))
                .isEqualTo("</orders?status=backorder&clientId=10&limit=40&after=400>; rel=\"next\"");
        client.get()
                .uri("/orders?status=backorder&clientId=10&limit=40&after=960")
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .doesNotExist(HttpHeaders.LINK)
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(4)
                .jsonPath("$[3].id")
                .isEqualTo(1000);
        client.get()
                .uri("/orders")
                .exchange()
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(50);
    }

    @Test
    void allOrdersComeAsLines() {
        byte[] lines = client.get()
                .uri("/orders?after=2")
                .accept(MediaType.APPLICATION_NDJSON)
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .contentType(MediaType.APPLICATION_NDJSON)
                .expectBody()
                .returnResult()
                .getResponseBodyContent();
        assertThat(text(lines).lines().filter(line -> line.startsWith("{\"id\":")))
                .hasSizeGreaterThanOrEqualTo(998);
    }

    @Test
    void aNewOrderIsOneOfItsClient() {
        String location = requireNonNull(client.post()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"clientId\":2,\"itemIds\":[9,4]}")
                .exchange()
                .expectStatus()
                .isCreated()
                .expectHeader()
                .valueEquals(HttpHeaders.ETAG, "\"1\"")
                .expectBody()
                .jsonPath("$.status")
                .isEqualTo("created")
                .jsonPath("$.items[0].id")
                .isEqualTo(4)
                .jsonPath("$.items[1].name")
                .isEqualTo("Item 9")
                .returnResult()
                .getResponseHeaders()
                .getFirst(HttpHeaders.LOCATION));
        assertThat(location).matches("/orders/\\d+");
        client.get()
                .uri(location)
                .exchange()
                .expectBody()
                .jsonPath("$.items.length()")
                .isEqualTo(2);
        client.get()
                .uri(location + "/events")
                .exchange()
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(1)
                .jsonPath("$[0].type")
                .isEqualTo("order.created")
                .jsonPath("$[0].payload.itemIds[1]")
                .isEqualTo(9)
                .jsonPath("$[0].payload.previousStatus")
                .isEmpty();
    }

    @Test
    void anOrderOfStrangeItemsIsRefusedWhole() {
        long before = DATABASE.number("select count(*) from orders");
        client.post()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"clientId\":2,\"itemIds\":[4,5,999999]}")
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:invalid-order")
                .jsonPath("$.itemIds.length()")
                .isEqualTo(2)
                .jsonPath("$.itemIds[0]")
                .isEqualTo(5);
        client.post()
                .uri("/orders")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue("{\"clientId\":77,\"itemIds\":[4]}")
                .exchange()
                .expectStatus()
                .isBadRequest()
                .expectBody()
                .jsonPath("$.detail")
                .isEqualTo("There is no client 77.");
        assertThat(DATABASE.number("select count(*) from orders")).isEqualTo(before);
    }

    @Test
    void aChangeIsMadeOnce() {
        for (int i = 0; i < 2; i++) {
            patch("/orders/update", "{\"id\":21,\"status\":\"shipped\"}")
                    .expectStatus()
                    .isOk()
                    .expectHeader()
                    .valueEquals(HttpHeaders.ETAG, "\"2\"")
                    .expectBody()
                    .jsonPath("$.status")
                    .isEqualTo("shipped")
                    .jsonPath("$.version")
                    .isEqualTo(2)
                    .jsonPath("$.items")
                    .doesNotExist();
        }
        assertThat(events(21)).isEqualTo(1);
        patch("/orders/21", "{\"status\":\"created\"}")
                .expectStatus()
                .isEqualTo(409)
                .expectBody()
                .jsonPath("$.present")
                .isEqualTo("shipped")
                .jsonPath("$.allowed")
                .isEmpty();
        patch("/orders/999999", "{\"status\":\"created\"}")
                .expectStatus()
                .isNotFound()
                .expectBody();
    }

    @Test
    void aChangeOfAnOldVersionIsRefusedBeforeAnythingElse() {
        ifMatch(22, "\"1\"", "shipped").expectStatus().isOk().expectBody();
        ifMatch(22, "\"1\"", "canceled")
                .expectStatus()
                .isEqualTo(412)
                .expectBody()
                .jsonPath("$.version")
                .isEqualTo(2);
        ifMatch(22, "\"1\"", "shipped").expectStatus().isEqualTo(412).expectBody();
        ifMatch(22, "W/\"2\"", "shipped").expectStatus().isEqualTo(412).expectBody();
        ifMatch(22, "\"a,b\"", "shipped").expectStatus().isEqualTo(412).expectBody();
        ifMatch(22, "\"9\", \"2\"", "shipped").expectStatus().isOk().expectBody();
        ifMatch(22, "*", "shipped").expectStatus().isOk().expectBody();
        ifMatch(22, "\"2\"", "canceled").expectStatus().isEqualTo(409).expectBody();
        ifMatch(22, "2", "shipped").expectStatus().isBadRequest().expectBody();
        assertThat(events(22)).isEqualTo(1);
    }

    @Test
    void everyStepThatIsAllowedInTheModelIsAllowedInTheDatabaseAndNoOther() {
        long id = 5_000_000;
        for (OrderStatus from : OrderStatus.values()) {
            for (OrderStatus to : OrderStatus.values()) {
                id++;
                DATABASE.execute(
                        "insert into orders (id, client_id, status) values (" + id + ", 1, '" + from.json() + "')");
                int status = from == to || from.next().contains(to) ? 200 : 409;
                patch("/orders/" + id, "{\"status\":\"" + to.json() + "\"}")
                        .expectStatus()
                        .isEqualTo(status)
                        .expectBody();
            }
        }
    }

    @Test
    void whatIsAnsweredGoesByTheRowAsItIsWhenTheLockIsThere() throws Exception {
        try (Connection other = DATABASE.connect()) {
            other.setAutoCommit(false);
            other.createStatement().execute("update orders set status = 'shipped' where id = 31");
            CompletableFuture<Integer> status =
                    CompletableFuture.supplyAsync(() -> patch("/orders/31", "{\"status\":\"canceled\"}")
                            .returnResult()
                            .getStatus()
                            .value());
            awaitWaiter();
            other.commit();
            assertThat(status.get(10, TimeUnit.SECONDS)).isEqualTo(409);
        }
        assertThat(events(31)).isEqualTo(1);
    }

    @Test
    void aChangeThatWaitedIsMadeToTheNewVersion() throws Exception {
        try (Connection other = DATABASE.connect()) {
            other.setAutoCommit(false);
            other.createStatement().execute("update orders set status = 'backorder' where id = 32");
            CompletableFuture<byte[]> answer =
                    CompletableFuture.supplyAsync(() -> patch("/orders/32", "{\"status\":\"shipped\"}")
                            .expectBody()
                            .returnResult()
                            .getResponseBodyContent());
            awaitWaiter();
            other.commit();
            assertThat(text(answer.get(10, TimeUnit.SECONDS))).contains("\"status\":\"shipped\",\"version\":3");
        }
    }

    @Test
    void aRowThatStaysLockedIsGivenUpInTime() throws SQLException {
        try (Connection other = DATABASE.connect()) {
            other.setAutoCommit(false);
            other.createStatement().execute("select from orders where id = 33 for update");
            long start = System.nanoTime();
            patch("/orders/33", "{\"status\":\"canceled\"}")
                    .expectStatus()
                    .isEqualTo(503)
                    .expectHeader()
                    .valueEquals(HttpHeaders.RETRY_AFTER, "1")
                    .expectBody()
                    .jsonPath("$.type")
                    .isEqualTo("urn:outbox:problem:database-unavailable");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(3));
        }
    }

    @Test
    void aChangeInAnySqlClientMakesTheSameEvent() {
        DATABASE.execute("update orders set status = 'canceled' where id = 41");
        client.get()
                .uri("/orders/41/events")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(1)
                .jsonPath("$[0].type")
                .isEqualTo("order.canceled")
                .jsonPath("$[0].key")
                .isEqualTo("41")
                .jsonPath("$[0].occurredAt")
                .value(String.class, at -> assertThat(at).endsWith("Z"))
                .jsonPath("$[0].payload.orderId")
                .isEqualTo(41)
                .jsonPath("$[0].payload.clientId")
                .isEqualTo(1)
                .jsonPath("$[0].payload.status")
                .isEqualTo("canceled")
                .jsonPath("$[0].payload.previousStatus")
                .isEqualTo("created")
                .jsonPath("$[0].payload.version")
                .isEqualTo(2)
                .jsonPath("$[0].payload.itemIds.length()")
                .isEqualTo(3)
                .jsonPath("$[0].payload.changedAt")
                .value(String.class, at -> assertThat(at).endsWith("Z"));
    }

    @Test
    void whatIsNotThereIsAProblem() {
        client.get()
                .uri("/nowhere")
                .exchange()
                .expectStatus()
                .isNotFound()
                .expectHeader()
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .expectBody()
                .jsonPath("$.type")
                .isEqualTo("urn:outbox:problem:not-found");
        for (String path :
                new String[] {"/orders/999999", "/orders/999999/events", "/orders/999999/charges", "/clients/99/charges"
                }) {
            client.get()
                    .uri(path)
                    .exchange()
                    .expectStatus()
                    .isNotFound()
                    .expectHeader()
                    .contentType(MediaType.APPLICATION_PROBLEM_JSON);
        }
    }

    @Test
    void chargesAreListed() {
        DATABASE.execute("insert into charges (order_id, client_id, amount, currency)"
                + " select id, client_id, id, 'EUR' from orders where client_id = 3 and id <= 53");
        client.get()
                .uri("/orders/53/charges")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(1)
                .jsonPath("$[0].orderId")
                .isEqualTo(53)
                .jsonPath("$[0].clientId")
                .isEqualTo(3)
                .jsonPath("$[0].amount")
                .isEqualTo(53)
                .jsonPath("$[0].currency")
                .isEqualTo("EUR");
        client.get()
                .uri("/orders/54/charges")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .json("[]");
        client.get()
                .uri("/clients/4/charges")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .json("[]");
        client.get()
                .uri("/clients/3/charges?limit=4")
                .exchange()
                .expectStatus()
                .isOk()
                .expectHeader()
                .valueMatches(HttpHeaders.LINK, "</clients/3/charges\\?limit=4&after=\\d+>; rel=\"next\"")
                .expectBody()
                .jsonPath("$.length()")
                .isEqualTo(4);
    }

    /** 60 of 100 kB, of a type that nobody subscribes to. */
    @Test
    void pagesOfLargeEventsEndByBytesAndLeadOn() {
        DATABASE.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'order', '42', 'order.noted', to_jsonb(repeat('x', 100000)) from generate_series(1, 60)");
        int found = 0;
        for (String next = "/orders/42/events?limit=1000"; next != null; ) {
            EntityExchangeResult<byte[]> page = client.mutate()
                    .codecs(codecs -> codecs.defaultCodecs().maxInMemorySize(10_000_000))
                    .build()
                    .get()
                    .uri(next)
                    .exchange()
                    .expectStatus()
                    .isOk()
                    .expectBody()
                    .returnResult();
            String body = text(page.getResponseBody());
            assertThat(body).hasSizeBetween(100_000, 1_300_000);
            found += body.split("order\\.noted", -1).length - 1;
            String link = page.getResponseHeaders().getFirst(HttpHeaders.LINK);
            next = link == null ? null : link.substring(1, link.indexOf('>'));
        }
        assertThat(found).isEqualTo(60);
    }

    private WebTestClient.ResponseSpec patch(String path, String body) {
        return client.patch()
                .uri(path)
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body)
                .exchange();
    }

    private WebTestClient.ResponseSpec ifMatch(long id, String tags, String status) {
        return client.patch()
                .uri("/orders/" + id)
                .contentType(MediaType.APPLICATION_JSON)
                .header(HttpHeaders.IF_MATCH, tags)
                .bodyValue("{\"status\":\"" + status + "\"}")
                .exchange();
    }

    private static long events(long id) {
        return DATABASE.number("select count(*) from outbox.event where aggregate_id = '" + id + "'");
    }

    /** Until a session waits for a row. */
    private static void awaitWaiter() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (DATABASE.number("select count(*) from pg_stat_activity where datname = current_database()"
                        + " and wait_event_type = 'Lock'")
                == 0) {
            assertThat(System.nanoTime()).isLessThan(deadline);
        }
    }

    private static String text(byte @Nullable [] bytes) {
        return new String(requireNonNull(bytes), StandardCharsets.UTF_8);
    }
}
