package dev.outbox.load;

import static io.gatling.javaapi.core.CoreDsl.constantUsersPerSec;
import static io.gatling.javaapi.core.CoreDsl.details;
import static io.gatling.javaapi.core.CoreDsl.incrementUsersPerSec;
import static io.gatling.javaapi.core.CoreDsl.responseTimeInMillis;
import static io.gatling.javaapi.core.CoreDsl.scenario;

import io.gatling.javaapi.core.Assertion;
import io.gatling.javaapi.core.ScenarioBuilder;
import io.gatling.javaapi.core.Session;
import io.gatling.javaapi.core.Simulation;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Changes that arrive whether or not those before are answered: {@code from} a second for {@code warmUp} seconds that don't count, then
 * {@code from}, {@code from + step}, … a second, {@code seconds} each, until more than one in a hundred of a level are late: answered after
 * {@code p99} ms, or not with 200. It has failed if that is so at a rate up to {@code hold}.
 */
public final class GrowingRate extends Simulation {

    private static final int FROM = Target.setting("from", 200);
    private static final int STEP = Target.setting("step", 200);
    private static final int LEVELS = Target.setting("levels", 40);
    private static final int SECONDS = Target.setting("seconds", 10);
    private static final int WARM_UP = Target.setting("warmUp", 10);
    private static final int P99 = Target.setting("p99", 25);
    private static final int HOLD = Target.setting("hold", FROM);

    private final Level warmUp = Level.warmUp(FROM);

    private final List<Level> levels = IntStream.range(0, LEVELS)
            .mapToObj(level -> Level.of(FROM + level * STEP, SECONDS))
            .toList();

    private final AtomicLong began = new AtomicLong();

    private final ScenarioBuilder changes = scenario("changes")
            .feed(new Changes(Order.all()))
            .exec(this::enter)
            .exec(Target.change("#{request}").check(responseTimeInMillis().saveAs("millis")))
            .exec(GrowingRate::leave)
            .stopLoadGeneratorIf(
                    session -> "p99 is over " + P99 + " ms: " + level(session),
                    session -> !level(session).holds());

    {
        setUp(changes.injectOpen(
                        constantUsersPerSec(FROM).during(WARM_UP),
                        incrementUsersPerSec(STEP)
                                .times(LEVELS)
                                .eachLevelLasting(SECONDS)
                                .startingFrom(FROM)))
                .protocols(Target.protocol().shareConnections())
                .assertions(levels.stream()
                        .filter(level -> level.rate() <= HOLD)
                        .flatMap(GrowingRate::held)
                        .toList());
    }

    @Override
    public void after() {
        System.out.println("p99 up to " + P99 + " ms:");
        levels.stream().filter(Level::isReached).forEach(System.out::println);
    }

    /** The session remembers the level that it began in. */
    private Session enter(Session session) {
        began.compareAndSet(0, System.nanoTime());
        Level level = level(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began.get()));
        return session.set("level", level).set("request", level.request());
    }

    private Level level(long second) {
        return second < WARM_UP ? warmUp : levels.get((int) Math.min((second - WARM_UP) / SECONDS, LEVELS - 1));
    }

    private static Session leave(Session session) {
        level(session).answered(!session.isFailed() && session.getInt("millis") <= P99);
        return session;
    }

    private static Level level(Session session) {
        return session.get("level");
    }

    private static Stream<Assertion> held(Level level) {
        return Stream.of(
                details(level.request()).responseTime().percentile(99).lte(P99),
                details(level.request()).failedRequests().percent().lt(1.0));
    }
}
