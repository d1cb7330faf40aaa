package dev.outbox.load;

import static io.gatling.javaapi.core.CoreDsl.StringBody;
import static io.gatling.javaapi.core.CoreDsl.atOnceUsers;
import static io.gatling.javaapi.core.CoreDsl.during;
import static io.gatling.javaapi.core.CoreDsl.exec;
import static io.gatling.javaapi.core.CoreDsl.global;
import static io.gatling.javaapi.core.CoreDsl.jmesPath;
import static io.gatling.javaapi.core.CoreDsl.pace;
import static io.gatling.javaapi.core.CoreDsl.percent;
import static io.gatling.javaapi.core.CoreDsl.randomSwitch;
import static io.gatling.javaapi.core.CoreDsl.scenario;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.status;

import io.gatling.javaapi.core.ChainBuilder;
import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Simulation;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/**
 * What people do with orders: {@code users} for {@code seconds}, each of whom begins something every {@code pace} ms: half read a page,
 * a third reads an order, the others order the same again and have it shipped.
 */
public final class SteadyMix extends Simulation {

    private static final int USERS = Target.setting("users", 32);
    private static final int SECONDS = Target.setting("seconds", 60);
    private static final Duration PACE = Duration.ofMillis(Target.setting("pace", 100));
    private static final int P99 = Target.setting("p99", 250);

    private final List<Order> orders = Order.all();

    private final ChainBuilder readPage = exec(
            http("GET /orders").get("/orders").queryParam("after", "#{order}").check(status().is(200)));

    private final ChainBuilder readOne = exec(http("GET /orders/{id}")
            .get("/orders/#{order}")
            .check(
                    status().is(200),
                    jmesPath("clientId").saveAs("clientId"),
                    jmesPath("items[].id").saveAs("itemIds")));

    private final ChainBuilder orderAgain = exec(http("POST /orders")
            .post("/orders")
            .body(StringBody("{\"clientId\":#{clientId},\"itemIds\":#{itemIds}}"))
            .check(
                    status().is(201),
                    jmesPath("id").saveAs("id"),
                    jmesPath("status").is("created")));

    private final ChainBuilder ship = exec(session -> session.set("status", "shipped"))
            .exec(Target.change("PATCH /orders/update").check(jmesPath("status").is("shipped")));

    private final ScenarioBuilder mix = scenario("steady mix")
            .exec(during(SECONDS)
                    .on(pace(PACE)
                            .feed(someOrders())
                            .exec(randomSwitch()
                                    .on(
                                            percent(50).then(readPage),
                                            percent(33).then(readOne),
                                            percent(17).then(readOne, orderAgain, ship)))));

    {
        setUp(mix.injectOpen(atOnceUsers(USERS)))
                .protocols(Target.protocol())
                .assertions(
                        global().failedRequests().count().is(0L),
                        global().responseTime().percentile(99).lte(P99));
    }

    private Iterator<Map<String, Object>> someOrders() {
        return Stream.generate(() -> orders.get(ThreadLocalRandom.current().nextInt(orders.size())))
                .map(order -> Map.<String, Object>of("order", order.id()))
                .iterator();
    }
}
