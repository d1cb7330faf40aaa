package dev.outbox.operations;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.net.URI;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.MediaType;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.web.reactive.server.WebTestClient;

/** The operator's calls, against the whole service. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "spring.liquibase.enabled=false")
class OperatorIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();
    private static final String MAIL = "/subscriptions/notifications";

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
        await("select count(distinct subscription) = 2 from outbox.checkpoint");
    }

    @AfterEach
    void resume() {
        DATABASE.execute("delete from outbox.parked");
        post(MAIL + "/resume", "{}", 200);
    }

    @Test
    void subscriptionsAreListedAndShown() {
        get("/subscriptions", 200)
                .jsonPath("$[*].name")
                .isEqualTo(List.of("billing", "notifications"))
                .jsonPath("$[1].state")
                .isEqualTo("running")
                .jsonPath("$[1].leader")
                .exists();
        get("/subscriptions/nobody", 404).jsonPath("$.type").isEqualTo("urn:outbox:problem:unknown-subscription");
    }

    @Test
    void aPausedSubscriptionLagsAndSaysWhyAndGoesOnWhenResumed() {
        post(MAIL + "/pause", "{\"reason\":\"mail is down\"}", 200)
                .jsonPath("$.result.changed")
                .isEqualTo(true)
                .jsonPath("$.appliedBy")
                .exists();
        long event = ship(1);
        get(MAIL, 200)
                .jsonPath("$.state")
                .isEqualTo("paused")
                .jsonPath("$.paused.reason")
                .isEqualTo("mail is down")
                .jsonPath("$.lag.events")
                .isEqualTo(1);
        get("/events/" + event + "/deliveries", 200)
                .jsonPath("$[1].state")
                .isEqualTo("waiting")
                .jsonPath("$[1].behind")
                .isEqualTo(0)
                .jsonPath("$[1].why")
                .value(String.class, why -> assertThat(why).contains("paused by"));
        post(MAIL + "/resume", "{}", 200);
        awaitDone(event);
        get("/events/" + event + "/deliveries", 200).jsonPath("$[1].state").isEqualTo("done");
    }

    @Test
    void anOpenCircuitIsShownAndSaysWhy() {
        post(MAIL + "/pause", "{}", 200);
        long event = ship(7);
        DATABASE.execute("update outbox.subscription set circuit_opened_at = now(), circuit_error = 'refused'"
                + " where name = 'notifications'");
        get(MAIL, 200).jsonPath("$.circuit.error").isEqualTo("refused");
        get("/events/" + event + "/deliveries", 200)
                .jsonPath("$[1].circuit.error")
                .isEqualTo("refused")
                .jsonPath("$[1].why")
                .value(String.class, why -> assertThat(why).contains("its circuit is open since"));
        DATABASE.execute("update outbox.subscription set circuit_opened_at = null, circuit_error = null");
    }

    @Test
    void aSubscriptionThatReadsNoFurtherSaysSo() {
        DATABASE.execute("update outbox.subscription set parked_full_at = now() where name = 'notifications'");
        get(MAIL, 200).jsonPath("$.state").isEqualTo("parked-full");
        DATABASE.execute("update outbox.subscription set parked_full_at = null");
    }

    @Test
    void aSubscriptionWhoseRunEndedWithAnErrorJustNowSaysSo() {
        DATABASE.execute(
                "update outbox.subscription set failed_at = now(), failure = 'refused' where name = 'notifications'");
        get(MAIL, 200)
                .jsonPath("$.state")
                .isEqualTo("failing")
                .jsonPath("$.failure.error")
                .isEqualTo("refused");
        DATABASE.execute(
                "update outbox.subscription set failed_at = now() - interval '1 minute' where name = 'notifications'");
        get(MAIL, 200)
                .jsonPath("$.state")
                .isEqualTo("running")
                .jsonPath("$.failure.error")
                .isEqualTo("refused");
        DATABASE.execute("update outbox.subscription set failed_at = null, failure = null");
    }

    /** Its partition is gone. */
    @Test
    void aDeadEventIsShownAfterTheLogHasLostIt() {
        long event = ship(9);
        await("select outbox.is_done(done, target, last, tx, e.id) from outbox.event e, outbox.checkpoint where e.id = "
                + event + " and subscription = 'billing' order by generation desc limit 1");
        await("select outbox.is_done(done, target, last, tx, e.id) from outbox.event e, outbox.checkpoint where e.id = "
                + event + " and subscription = 'notifications' order by generation desc limit 1");
        DATABASE.execute(
                "insert into outbox.parked (subscription, event_id, key, state, attempts, error, aggregate_type, type,"
                        + " occurred_at, payload) select 'notifications', id, aggregate_id, 'dead', 3, 'gone', aggregate_type, type,"
                        + " occurred_at, payload from outbox.event where id = " + event);
        String before = body("/events/" + event);
        DATABASE.execute("delete from outbox.event where id = " + event);
        assertThat(body("/events/" + event)).isEqualTo(before);
        get("/events/" + event + "/deliveries", 200).jsonPath("$[*].state").isEqualTo(List.of("done", "dead"));
        get(MAIL + "/parked/" + event, 200).jsonPath("$.event.type").isEqualTo("order.shipped");
        DATABASE.execute("delete from outbox.parked");
        get("/events/" + event, 404);
    }

    private String body(String path) {
        return requireNonNull(client.get()
                .uri(path)
                .exchange()
                .expectBody(String.class)
                .returnResult()
                .getResponseBody());
    }

    @Test
    void anActionThatNobodyComesToWaitsAtItsAddress() {
        DATABASE.execute("insert into outbox.subscription (name, kind, types) values ('orphan', 'handler', '{}')");
        try {
            String address = requireNonNull(client.post()
                    .uri("/subscriptions/orphan/pause")
                    .contentType(MediaType.APPLICATION_JSON)
                    .bodyValue("{}")
                    .exchange()
                    .expectStatus()
                    .isAccepted()
                    .expectBody()
                    .returnResult()
                    .getResponseHeaders()
                    .getFirst("Location"));
            get(address, 200)
                    .jsonPath("$.appliedAt")
                    .doesNotExist()
                    .jsonPath("$.name")
                    .isEqualTo("pause");
        } finally {
            DATABASE.execute("delete from outbox.action where subscription = 'orphan'");
            DATABASE.execute("delete from outbox.subscription where name = 'orphan'");
        }
    }

    @Test
    void aRepeatedCallIsTheSameActionAndAnotherWithItsKeyIsRefused() {
        String first = keyed("{\"reason\":\"a\"}", 200);
        assertThat(keyed("{\"reason\":\"a\"}", 200)).isEqualTo(first);
        assertThat(keyed("{\"reason\":\"b\"}", 422)).contains("idempotency-key-reused");
        get(MAIL + "/actions?limit=1000", 200)
                .jsonPath("$[?(@.reason == 'a')].requestedBy")
                .isEqualTo("tester");
    }

    @Test
    void aDryRunCountsAndChangesNothing() {
        long event = ship(2);
        awaitDone(event);
        long actions = DATABASE.number("select count(*) from outbox.action");
        post(MAIL + "/replay", "{\"from\":" + event + ",\"dryRun\":true}", 200)
                .jsonPath("$.events")
                .isEqualTo(1)
                .jsonPath("$.from")
                .isEqualTo(event);
        post(MAIL + "/replay", "{\"key\":\"2\",\"dryRun\":true}", 200)
                .jsonPath("$.events")
                .isEqualTo(1);
        assertThat(DATABASE.number("select count(*) from outbox.action")).isEqualTo(actions);
    }

    /** Ten seconds for each event. */
    @Test
    void aReplayThatTakesTooLongToCountIsRefusedWithWhatWouldHelp() {
        long event = ship(7);
        awaitDone(event);
        String before = DATABASE.value("select pg_get_functiondef('outbox.is_done'::regproc)");
        DATABASE.execute("create or replace function outbox.is_done(done pg_snapshot, target pg_snapshot, last bigint,"
                + " tx xid8, id bigint) returns boolean language sql as $$ select pg_sleep(10) is not null $$");
        try {
            long actions = DATABASE.number("select count(*) from outbox.action");
            for (String body : new String[] {"{\"key\":\"7\"}", "{\"key\":\"7\",\"dryRun\":true}"}) {
                post(MAIL + "/replay", body, 422)
                        .jsonPath("$.type")
                        .isEqualTo("urn:outbox:problem:too-long-to-count")
                        .jsonPath("$.detail")
                        .value(String.class, detail -> assertThat(detail).contains("begin later"));
            }
            assertThat(DATABASE.number("select count(*) from outbox.action")).isEqualTo(actions);
        } finally {
            DATABASE.execute(before);
        }
    }

    @Test
    void aReplayOfAKeyParksItsEventsInOrder() {
        DATABASE.execute("update orders set status = 'backorder' where id = 3");
        long event = ship(3);
        awaitDone(event);
        post(MAIL + "/pause", "{}", 200);
        post(MAIL + "/replay", "{\"key\":\"3\"}", 200)
                .jsonPath("$.result.events")
                .isEqualTo(2);
        get(MAIL + "/parked?key=3", 200)
                .jsonPath("$[*].state")
                .isEqualTo(List.of("retrying", "blocked"))
                .jsonPath("$[0].replayed")
                .isEqualTo(true);
        get("/events/" + event + "/deliveries", 200)
                .jsonPath("$[1].state")
                .isEqualTo("blocked")
                .jsonPath("$[1].blockedBy")
                .isEqualTo(event - 1);
    }

    @Test
    void deadEventsAreInspectedRetriedAndDiscardedWithAReason() {
        long event = ship(4);
        awaitDone(event);
        post(MAIL + "/pause", "{}", 200);
        DATABASE.execute("insert into outbox.parked (subscription, event_id, key, state, attempts, error)"
                + " values ('notifications', " + event + ", '4', 'dead', 7, 'no such mailbox')");
        String address = MAIL + "/parked/" + event;
        get(address, 200)
                .jsonPath("$.error")
                .isEqualTo("no such mailbox")
                .jsonPath("$.event.type")
                .isEqualTo("order.shipped");
        post(MAIL + "/parked/retry", "{\"all\":true}", 200)
                .jsonPath("$.result.events")
                .isEqualTo(1);
        get(address, 200)
                .jsonPath("$.state")
                .isEqualTo("retrying")
                .jsonPath("$.attempts")
                .isEqualTo(0);
        post(MAIL + "/parked/discard", "{\"eventId\":" + event + "}", 400);
        post(MAIL + "/parked/discard", "{\"eventId\":" + event + ",\"reason\":\"gone\"}", 200)
                .jsonPath("$.result.ids[0]")
                .isEqualTo(event);
        get(address, 404).jsonPath("$.type").isEqualTo("urn:outbox:problem:not-parked");
        get("/events/" + event + "/deliveries", 200).jsonPath("$[1].state").isEqualTo("discarded");
        post(MAIL + "/replay", "{\"key\":\"4\",\"from\":\"2020-01-01T00:00:00Z\"}", 200);
        post(MAIL + "/resume", "{}", 200);
        await("select not exists (select from outbox.parked where event_id = " + event + ")");
        get("/events/" + event + "/deliveries", 200).jsonPath("$[1].state").isEqualTo("done");
    }

    @Test
    void anActionThatWaitsCanBeCancelled() {
        DATABASE.execute("insert into outbox.subscription (name, kind, types) values ('orphan', 'handler', '{}')");
        try {
            long action = DATABASE.number("insert into outbox.action (subscription, name, arguments, requested_by)"
                    + " values ('orphan', 'pause', '{\"rate\":\"fast\"}', 'test') returning id");
            String address = "/subscriptions/orphan/actions/" + action;
            get("/subscriptions/orphan/actions", 200)
                    .jsonPath("$[0].arguments.rate")
                    .isEqualTo("fast");
            delete(address, 200).jsonPath("$.result.cancelled").isEqualTo(true);
            get(address, 200).jsonPath("$.appliedAt").exists();
            delete(address, 409).jsonPath("$.type").isEqualTo("urn:outbox:problem:action-does-not-wait");
            delete("/subscriptions/orphan/actions/999999999", 404);
            delete("/subscriptions/nobody/actions/" + action, 404);
        } finally {
            DATABASE.execute("delete from outbox.action where subscription = 'orphan'");
            DATABASE.execute("delete from outbox.subscription where name = 'orphan'");
        }
    }

    @Test
    void anEventOfAnotherTypeIsUnwanted() {
        DATABASE.execute("update orders set status = 'canceled' where id = 5");
        long event = DATABASE.number("select max(id) from outbox.event");
        get("/events/" + event + "/deliveries", 200).jsonPath("$[0].state").isEqualTo("unwanted");
        get("/events/" + event, 200).jsonPath("$.type").isEqualTo("order.canceled");
        get("/events/999999999", 404);
    }

    /** Of a handler that no instance has: it has done what is there. */
    @Test
    void aKeyThatIsOneOfSeveralKindsIsAskedForWithItsKind() {
        DATABASE.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " values ('parcel', '6', 'parcel.packed', '{}'), ('order', '6', 'order.packed', '{}')");
        DATABASE.execute("insert into outbox.subscription (name, kind, types) values ('all', 'handler', '{}')");
        DATABASE.execute(
                "insert into outbox.checkpoint (subscription, generation, done, barrier, high, last, system_identifier, instance)"
                        + " select 'all', 0, pg_current_snapshot(), pg_snapshot_xmax(pg_current_snapshot()), max(id), 0, system_identifier, 'test'"
                        + " from outbox.event, pg_control_system() group by system_identifier");
        try {
            post("/subscriptions/all/replay", "{\"key\": \"6\", \"dryRun\": true}", 409)
                    .jsonPath("$.type")
                    .isEqualTo("urn:outbox:problem:ambiguous-key")
                    .jsonPath("$.aggregateTypes")
                    .isEqualTo(List.of("order", "parcel"));
            post("/subscriptions/all/replay", "{\"key\": \"6\"}", 409);
            post("/subscriptions/all/replay", "{\"key\": \"6\", \"aggregateType\": \"parcel\", \"dryRun\": true}", 200)
                    .jsonPath("$.events")
                    .isEqualTo(1);
            post("/subscriptions/all/replay", "{\"from\": 1, \"aggregateType\": \"parcel\"}", 400);
            assertThat(DATABASE.number("select count(*) from outbox.action where subscription = 'all'"))
                    .isZero();
        } finally {
            DATABASE.execute("delete from outbox.checkpoint where subscription = 'all'");
            DATABASE.execute("delete from outbox.subscription where name = 'all'");
        }
    }

    /** Of a handler that no instance has. */
    @Test
    void anEventIsOfOneShardAndASplitHandlerIsAskedForByItsShards() {
        DATABASE.execute("update orders set status = 'shipped' where id = 6");
        long event = DATABASE.number("select max(id) from outbox.event");
        long own = DATABASE.number("select outbox.shard('order', '6', 2)");
        DATABASE.execute(
                "insert into outbox.subscription (name, kind, types, retired_at) values"
                        + " ('split', 'handler', '{}', now()), ('split.1-of-2', 'handler', '{}', null), ('split.2-of-2', 'handler', '{}', null)");
        try {
            get("/events/" + event + "/deliveries", 200)
                    .jsonPath("$[?(@.subscription == 'split.%d-of-2')].state".formatted(own))
                    .isEqualTo("waiting")
                    .jsonPath("$[?(@.subscription == 'split.%d-of-2')].state".formatted(3 - own))
                    .isEqualTo("of-another-shard")
                    .jsonPath("$[?(@.subscription == 'split')]")
                    .isEmpty();
            get("/subscriptions/split.1-of-2", 200).jsonPath("$.shards").isEqualTo(2);
            post("/subscriptions/split/pause", "{}", 404)
                    .jsonPath("$.shards")
                    .isEqualTo(List.of("split.1-of-2", "split.2-of-2"));
            get("/subscriptions/split", 404).jsonPath("$.type").isEqualTo("urn:outbox:problem:unknown-subscription");
        } finally {
            DATABASE.execute("delete from outbox.subscription where handler = 'split'");
        }
    }

    /** Of a handler that no instance has. It read as running. */
    @Test
    void aStrangerThatHoldsTheLockOfASubscriptionIsNamed() throws Exception {
        DATABASE.execute("insert into outbox.subscription (name, kind, types) values ('taken', 'handler', '{}')");
        try (Connection stranger = DATABASE.connect();
                Statement sql = stranger.createStatement()) {
            sql.execute(
                    "set application_name = 'a stranger'; select pg_advisory_lock(hashtextextended('taken', 11312))");
            get("/subscriptions/taken", 200)
                    .jsonPath("$.state")
                    .isEqualTo("held-by-stranger")
                    .jsonPath("$.holder.application")
                    .isEqualTo("a stranger")
                    .jsonPath("$.holder.user")
                    .isEqualTo(TestDatabase.USER)
                    .jsonPath("$.holder.pid")
                    .isNumber();
            get("/actuator/health/subscriptions", 503)
                    .jsonPath("$.components.locks.details.held.taken.application")
                    .isEqualTo("a stranger");
            sql.execute("select pg_advisory_unlock_all()");
            get("/subscriptions/taken", 200).jsonPath("$.state").isEqualTo("nobody-leads");
            get("/actuator/health/subscriptions", 200);
        } finally {
            DATABASE.execute("delete from outbox.subscription where name = 'taken'");
        }
    }

    @Test
    void whatIsWrongIsSaid() {
        post(MAIL + "/replay", "{\"from\":\"yesterday\"}", 400);
        post(MAIL + "/replay", "{}", 400);
        post(MAIL + "/replay", "{\"from\":\"+294277-01-01T00:00:00Z\"}", 400);
        post(MAIL + "/replay", "{\"from\":\"-0001-01-01T00:00:00Z\"}", 400);
        post(MAIL + "/parked/retry", "{}", 400);
        post(MAIL + "/parked/retry", "{\"key\":\"1\",\"all\":true}", 400);
        post("/subscriptions/nobody/pause", "{}", 404);
        post(MAIL + "/pause", "{\"reason\":\"a\\u0000b\"}", 400);
        post(MAIL + "/pause", "{\"reason\":\"a\\ud800b\"}", 400);
        post(MAIL + "/replay", "{\"key\":\"\\u0000\"}", 400);
        assertThat(status("/subscriptions/a%00b")).isEqualTo(400);
        assertThat(status("/subscriptions/notifications/parked?key=%00")).isEqualTo(400);
        assertThat(status("/orders/%00")).isEqualTo(400);
        get(MAIL + "/pause", 405);
    }

    /** Of a path as it is, without another encoding. */
    private int status(String path) {
        return client.get()
                .uri(URI.create("http://localhost:" + port + path))
                .exchange()
                .returnResult(Void.class)
                .getStatus()
                .value();
    }

    private static long ship(long order) {
        DATABASE.execute("update orders set status = 'shipped' where id = " + order);
        return DATABASE.number("select max(id) from outbox.event");
    }

    private static void awaitDone(long event) {
        await("select outbox.is_done(done, target, last, e.tx, e.id) from outbox.checkpoint, outbox.event e"
                + " where subscription = 'notifications' and e.id = " + event + " order by generation desc limit 1");
    }

    private static void await(String condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!DATABASE.value(condition).equals("t")) {
            assertThat(System.nanoTime()).as(condition).isLessThan(deadline);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    private String keyed(String body, int status) {
        return requireNonNull(client.post()
                .uri(MAIL + "/resume")
                .header("Idempotency-Key", "the-key")
                .header("X-Requested-By", "tester")
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body)
                .exchange()
                .expectStatus()
                .isEqualTo(status)
                .expectBody(String.class)
                .returnResult()
                .getResponseBody());
    }

    private WebTestClient.BodyContentSpec get(String path, int status) {
        return client.get()
                .uri(path)
                .exchange()
                .expectStatus()
                .isEqualTo(status)
                .expectBody();
    }

    private WebTestClient.BodyContentSpec delete(String path, int status) {
        return client.delete()
                .uri(path)
                .exchange()
                .expectStatus()
                .isEqualTo(status)
                .expectBody();
    }

    private WebTestClient.BodyContentSpec post(String path, String body, int status) {
        return client.post()
                .uri(path)
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(body)
                .exchange()
                .expectStatus()
                .isEqualTo(status)
                .expectBody();
    }
}
