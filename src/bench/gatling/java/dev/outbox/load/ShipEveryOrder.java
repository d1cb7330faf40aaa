package dev.outbox.load;

import static io.gatling.javaapi.core.CoreDsl.StringBody;
import static io.gatling.javaapi.core.CoreDsl.atOnceUsers;
import static io.gatling.javaapi.core.CoreDsl.doIf;
import static io.gatling.javaapi.core.CoreDsl.doWhileDuring;
import static io.gatling.javaapi.core.CoreDsl.exec;
import static io.gatling.javaapi.core.CoreDsl.foreach;
import static io.gatling.javaapi.core.CoreDsl.global;
import static io.gatling.javaapi.core.CoreDsl.jmesPath;
import static io.gatling.javaapi.core.CoreDsl.scenario;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.status;

import io.gatling.javaapi.core.ChainBuilder;
import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Session;
import io.gatling.javaapi.core.Simulation;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Every order is sent to be shipped once, by {@code users} who share them out: 200 and one version more if it was open, 200 and nothing
 * new if it was shipped, 409 if it was canceled. Then, when billing has caught up, every shipped order has one charge.
 */
public final class ShipEveryOrder extends Simulation {

    private static final int USERS = Target.setting("users", 64);

    private final List<Order> orders = Order.all();

    private final ChainBuilder ship = exec(http("PATCH /orders/update")
            .patch("/orders/update")
            .body(StringBody(session -> "{\"id\":" + order(session).id() + ",\"status\":\"shipped\"}"))
            .check(status().is(session -> order(session).isCanceled() ? 409 : 200))
            .checkIf(session -> !order(session).isCanceled())
            .then(
                    jmesPath("status").is("shipped"),
                    jmesPath("version").ofLong().is(session -> shippedVersion(order(session)))));

    private final ChainBuilder waitForBilling = doWhileDuring(
                    session -> session.getInt("behind") > 0, session -> Duration.ofMinutes(1))
            .on(exec(http("GET /subscriptions/billing")
                            .get("/subscriptions/billing")
                            .check(jmesPath("lag.events").ofInt().saveAs("behind"))
                            .silent())
                    .pause(Duration.ofMillis(200)));

    private final ChainBuilder lookAtCharge = doIf(session -> !order(session).isCanceled())
            .then(exec(http("GET /orders/{id}/charges")
                    .get(session -> "/orders/" + order(session).id() + "/charges")
                    .check(status().is(200), jmesPath("length(@)").ofInt().is(1))));

    private final ScenarioBuilder shipping = scenario("ship every order")
            .feed(shares())
            .exec(foreach("#{share}", "order").on(ship));

    private final ScenarioBuilder charges = scenario("look at every charge")
            .feed(shares())
            .exec(waitForBilling)
            .exec(foreach("#{share}", "order").on(lookAtCharge));

    {
        setUp(shipping.injectOpen(atOnceUsers(USERS)).andThen(charges.injectOpen(atOnceUsers(USERS))))
                .protocols(Target.protocol())
                .assertions(global().failedRequests().count().is(0L));
    }

    /** For each user every USERS-th order. */
    private Iterator<Map<String, Object>> shares() {
        return IntStream.range(0, USERS)
                .mapToObj(user -> Map.<String, Object>of("share", share(user)))
                .iterator();
    }

    private List<Order> share(int user) {
        return IntStream.iterate(user, i -> i < orders.size(), i -> i + USERS)
                .mapToObj(orders::get)
                .toList();
    }

    private static Order order(Session session) {
        return session.get("order");
    }

    private static long shippedVersion(Order order) {
        return order.isOpen() ? order.version() + 1 : order.version();
    }
}
