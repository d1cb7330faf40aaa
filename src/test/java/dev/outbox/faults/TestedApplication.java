package dev.outbox.faults;

import static org.springframework.web.reactive.function.server.RequestPredicates.GET;
import static org.springframework.web.reactive.function.server.RouterFunctions.route;

import dev.outbox.OutboxApplication;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.handler.TransactionalHandler;
import io.netty.channel.ChannelOption;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.PoolMetrics;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;
import reactor.util.retry.Retry;

/**
 * The whole application with two handlers more: one posts each event to a {@link Sink} and waits until it has it on its disk; one
 * counts events in the database, which is not repeatable. It also tells how many connections of its pools are in use.
 */
final class TestedApplication {

    /** Where the sink listens. */
    static final String SINK = "FAULTS_SINK";

    /** What the handler is called that posts to it, {@code faults-sink} if it is not given. */
    static final String SINK_HANDLER = "FAULTS_SINK_HANDLER";

    private static final String SINK_NAME = "faults-sink";

    /** With any value that handler tries again by itself for as long as the sink refuses, where it should fail. */
    static final String STUBBORN = "FAULTS_STUBBORN";

    /** With any value it takes an event for delivered whatever the sink answers, or if it answers nothing. */
    static final String CARELESS = "FAULTS_CARELESS";

    /** With any value the handler that counts fails at each 50th event, once in each process. */
    static final String FRAGILE = "FAULTS_FRAGILE";

    /** With any value {@code faults-sink} and the handler that counts can be told to misbehave, by {@code GET /faults/trouble/{permille}}. */
    static final String TROUBLE = "FAULTS_TROUBLE";

    /** With any value the handlers of the next version are there too. */
    static final String NEXT = "FAULTS_NEXT";

    /** How long the sink may take to answer. */
    static final Duration PATIENCE = Duration.ofSeconds(2);

    static final int CONCURRENCY = 32;

    private static final Duration STUBBORN_PAUSE = Duration.ofMillis(100);

    private TestedApplication() {}

    public static void main(String[] arguments) {
        new SpringApplicationBuilder(OutboxApplication.class)
                .initializers(made -> register((GenericApplicationContext) made))
                .run(arguments);
    }

    private static void register(GenericApplicationContext context) {
        Trouble trouble = System.getenv(TROUBLE) == null ? null : new Trouble();
        String sink = System.getenv(SINK);
        if (sink != null) {
            String name = System.getenv().getOrDefault(SINK_HANDLER, SINK_NAME);
            Trouble ofSink = name.equals(SINK_NAME) ? trouble : null;
            context.registerBean("faultsSink", Handler.class, () -> new SinkHandler(name, sink, ofSink));
        }
        context.registerBean("faultsCount", TransactionalHandler.class, () -> new Counting("faults-count", trouble));
        if (System.getenv(NEXT) != null) {
            context.registerBean("faultsNext", TransactionalHandler.class, () -> new Counting("faults-next", null));
        }
        context.registerBean(
                "faultsRoutes",
                RouterFunction.class,
                () -> route(GET("/faults/borrowed"), request -> borrowed(context))
                        .andRoute(GET("/faults/clock"), request -> clock())
                        .andRoute(
                                GET("/faults/trouble/{permille}"),
                                request -> trouble(trouble, Integer.parseInt(request.pathVariable("permille")))));
    }

    /** Says what was done so far. */
    private static Mono<ServerResponse> trouble(@Nullable Trouble trouble, int permille) {
        if (trouble == null) {
            return ServerResponse.notFound().build();
        }
        trouble.with(permille);
        return ServerResponse.ok().bodyValue(trouble.done());
    }

    private static Mono<ServerResponse> borrowed(GenericApplicationContext context) {
        int borrowed = context.getBeansOfType(ConnectionPool.class).values().stream()
                .map(pool -> pool.getMetrics().orElseThrow())
                .mapToInt(PoolMetrics::acquiredSize)
                .sum();
        return ServerResponse.ok().bodyValue(Integer.toString(borrowed));
    }

    private static Mono<ServerResponse> clock() {
        return ServerResponse.ok().bodyValue(Long.toString(System.currentTimeMillis()));
    }

    private static final class SinkHandler implements Handler {

        private final String name;
        private final String url;
        private final boolean stubborn = System.getenv(STUBBORN) != null;
        private final boolean careless = System.getenv(CARELESS) != null;
        private final long process = ProcessHandle.current().pid();
        private final HttpClient http = HttpClient.create(ConnectionProvider.create("sink", CONCURRENCY))
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, 1_000)
                .responseTimeout(PATIENCE);

        private final @Nullable Trouble trouble;

        SinkHandler(String name, String url, @Nullable Trouble trouble) {
            this.name = name;
            this.url = url;
            this.trouble = trouble;
        }

        @Override
        public RetryPolicy retryPolicy() {
            return trouble == null ? RetryPolicy.DEFAULT : Trouble.POLICY;
        }

        @Override
        public Duration timeout() {
            return trouble == null ? Handler.super.timeout() : Trouble.TIMEOUT;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public int concurrency() {
            return CONCURRENCY;
        }

        @Override
        @SuppressWarnings("NullAway") // null is one of the things that go wrong
        public Mono<Void> handle(Event event) {
            if (trouble != null && trouble.isDue(event)) {
                return trouble.deed(event);
            }
            String line = event.id() + " " + event.aggregateType() + "/" + event.key() + " " + process;
            Mono<Void> post = http.post()
                    .uri(url)
                    .send(reactor.netty.ByteBufFlux.fromString(Mono.just(line)))
                    .responseSingle((response, body) -> response.status().code() == 204
                            ? Mono.<Void>empty()
                            : Mono.error(new IllegalStateException("status " + response.status())))
                    .then();
            if (careless) {
                return post.onErrorComplete();
            }
            return stubborn ? post.retryWhen(Retry.fixedDelay(Long.MAX_VALUE, STUBBORN_PAUSE)) : post;
        }
    }

    /** A row for each event, and no key that would refuse a second one. */
    private static final class Counting implements TransactionalHandler {

        private final String name;
        private final boolean fragile = System.getenv(FRAGILE) != null;
        private final Set<Long> failed = ConcurrentHashMap.newKeySet();

        private final @Nullable Trouble trouble;

        Counting(String name, @Nullable Trouble trouble) {
            this.name = name;
            this.trouble = trouble;
        }

        @Override
        public RetryPolicy retryPolicy() {
            return trouble == null ? RetryPolicy.DEFAULT : Trouble.POLICY;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        @SuppressWarnings("NullAway") // null is one of the things that go wrong
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            Optional<Event> due = trouble == null
                    ? Optional.empty()
                    : events.stream().filter(trouble::isDue).findFirst();
            if (due.isPresent()) {
                return trouble.deed(events, due.get(), connection);
            }
            if (fragile && events.stream().anyMatch(event -> event.id() % 50 == 0 && failed.add(event.id()))) {
                return Mono.error(new IllegalStateException("one of these fails"));
            }
            return Database.update(
                            connection,
                            "insert into faults_count (counter, event_id, key)"
                                    + " select $1, * from unnest($2::bigint[], $3::text[])",
                            name,
                            events.stream().map(Event::id).toArray(Long[]::new),
                            events.stream()
                                    .map(event -> event.aggregateType() + "/" + event.key())
                                    .toArray(String[]::new))
                    .then();
        }
    }
}
