package dev.outbox.load;

import static io.gatling.javaapi.core.CoreDsl.atOnceUsers;
import static io.gatling.javaapi.core.CoreDsl.during;
import static io.gatling.javaapi.core.CoreDsl.feed;
import static io.gatling.javaapi.core.CoreDsl.global;
import static io.gatling.javaapi.core.CoreDsl.scenario;

import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Simulation;

/** As many changes as {@code users} can send in {@code seconds}, each at once when the last is answered. */
public final class Spam extends Simulation {

    private static final int USERS = Target.setting("users", 64);
    private static final int SECONDS = Target.setting("seconds", 30);

    private final ScenarioBuilder spam = scenario("spam")
            .exec(during(SECONDS).on(feed(new Changes(Order.all())).exec(Target.change("PATCH /orders/update"))));

    {
        setUp(spam.injectOpen(atOnceUsers(USERS)))
                .protocols(Target.protocol())
                .assertions(global().failedRequests().count().is(0L));
    }
}
