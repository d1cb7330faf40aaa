package dev.outbox.faults;

import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.relay.Misdeed;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * What the handlers of a service do wrong while they are told to: each event of some keys goes wrong at its first two attempts, each
 * time in another of the ways there are.
 */
final class Trouble {

    /** Waits that end within a scenario, whatever an attempt asked for. */
    static final RetryPolicy POLICY =
            RetryPolicy.DEFAULT.withDelays(Duration.ofMillis(100), 2, Duration.ofSeconds(1), 0.5);

    static final Duration TIMEOUT = Duration.ofSeconds(3);

    private static final int ATTEMPTS = 2;

    private static final Map<String, Function<PostgresqlConnection, Mono<Void>>> IN_TRANSACTIONS = Map.of(
            "ENDS_ITS_CONNECTION",
            connection -> Database.update(connection, "select pg_terminate_backend(pg_backend_pid())")
                    .onErrorComplete()
                    .then(),
            "COMMITS",
            PostgresqlConnection::commitTransaction,
            "ROLLS_BACK",
            PostgresqlConnection::rollbackTransaction,
            "LEAVES_IT_FAILED",
            connection -> Database.update(connection, "select 1 / 0")
                    .onErrorComplete()
                    .then());

    private static final String NEVER_ENDS = "NEVER_ENDS";

    private static final List<String> MISDEEDS =
            Arrays.stream(Misdeed.values()).map(Misdeed::name).toList();

    private static final List<String> OF_HANDLERS =
            Stream.concat(MISDEEDS.stream(), Stream.of(NEVER_ENDS)).toList();

    private static final List<String> OF_TRANSACTIONAL_HANDLERS = Stream.concat(
                    MISDEEDS.stream(), IN_TRANSACTIONS.keySet().stream().sorted())
            .toList();

    private final AtomicInteger turn = new AtomicInteger();
    private final Map<Long, Integer> attempts = new ConcurrentHashMap<>();
    private final Map<String, Integer> done = new ConcurrentHashMap<>();
    private volatile int permille;

    /** With how many of 1,000 keys things go wrong from now on; 0 for none. */
    void with(int ofThousandKeys) {
        permille = ofThousandKeys;
    }

    /** How often each thing was done, as {@code KIND=count, …}. */
    String done() {
        return new TreeMap<>(done).toString();
    }

    /** All kinds there are, of handlers and of transactional handlers. */
    static Set<String> kinds() {
        return Stream.concat(OF_HANDLERS.stream(), OF_TRANSACTIONAL_HANDLERS.stream())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    boolean isDue(Event event) {
        return Sink.isPoisoned(event.aggregateType() + "/" + event.key(), permille)
                && attempts.getOrDefault(event.id(), 0) < ATTEMPTS;
    }

    @Nullable
    Mono<Void> deed(Event event) {
        attempts.merge(event.id(), 1, Integer::sum);
        String kind = next(OF_HANDLERS);
        return kind.equals(NEVER_ENDS)
                ? Mono.never()
                : Misdeed.valueOf(kind).deed.get();
    }

    /** An event that is alone has used up an attempt; one among others has only spoilt their page. */
    @Nullable
    Mono<Void> deed(List<Event> events, Event event, PostgresqlConnection connection) {
        if (events.size() == 1) {
            attempts.merge(event.id(), 1, Integer::sum);
        }
        String kind = next(OF_TRANSACTIONAL_HANDLERS);
        Function<PostgresqlConnection, Mono<Void>> deed = IN_TRANSACTIONS.get(kind);
        return deed == null ? Misdeed.valueOf(kind).deed.get() : deed.apply(connection);
    }

    private String next(List<String> kinds) {
        String kind = kinds.get(Math.floorMod(turn.getAndIncrement(), kinds.size()));
        done.merge(kind, 1, Integer::sum);
        return kind;
    }
}
