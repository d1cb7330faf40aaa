package dev.outbox.relay;

import dev.outbox.database.Connections;
import dev.outbox.database.Database;
import dev.outbox.dispatch.HandlerSubscription;
import dev.outbox.dispatch.Ledger;
import dev.outbox.dispatch.Subscription;
import dev.outbox.dispatch.TransactionalSubscription;
import dev.outbox.handler.Handler;
import dev.outbox.handler.TransactionalHandler;
import dev.outbox.log.Actions;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.Claims;
import dev.outbox.log.DesiredStates;
import dev.outbox.log.EventLog;
import dev.outbox.log.ParkedActions;
import dev.outbox.log.ParkedEvents;
import dev.outbox.log.Replays;
import dev.outbox.log.RunStates;
import dev.outbox.tail.Listener;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Makes one subscription of each shard of each handler bean. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(RelaySettings.class)
class RelayConfiguration {

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]{0,62}");

    private static final Duration DEADLINE = Duration.ofSeconds(30);

    /** The server ends a transaction whose owner is silent: what a frozen owner has written would keep whoever follows it waiting. */
    private static final Map<String, String> SETTINGS =
            Map.of("statement_timeout", "20s", "idle_in_transaction_session_timeout", "5s");

    /** For what keeps the promise: claims, checkpoints, what is parked. Nobody's code runs on them. */
    @Bean(destroyMethod = "dispose", defaultCandidate = false)
    ConnectionPool relayPool(Connections connections) {
        return connections.pool("outbox relay", 8, SETTINGS);
    }

    @Bean
    Database relay(@Qualifier("relayPool") ConnectionPool pool) {
        return new Database(pool, DEADLINE);
    }

    /** For pages of transactional handlers: as many as can be in flight at once, so that none waits for another that does not end. */
    @Bean(destroyMethod = "dispose", defaultCandidate = false)
    ConnectionPool transactionsPool(Connections connections, ObjectProvider<TransactionalHandler> handlers) {
        int subscriptions = handlers.stream()
                .mapToInt(handler -> Math.max(1, handler.shards()))
                .sum();
        return transactionsPool(connections, subscriptions);
    }

    static ConnectionPool transactionsPool(Connections connections, int subscriptions) {
        return connections.pool(
                "outbox transactions", Math.max(1, TransactionalSubscription.AT_ONCE * subscriptions), SETTINGS);
    }

    @Bean
    Database transactions(@Qualifier("transactionsPool") ConnectionPool pool) {
        return new Database(pool, DEADLINE);
    }

    /** For what handlers look up, however much that is. */
    @Bean(destroyMethod = "dispose", defaultCandidate = false)
    ConnectionPool handlersPool(Connections connections) {
        return connections.pool("outbox handlers", 8, SETTINGS);
    }

    @Bean
    Database handlers(@Qualifier("handlersPool") ConnectionPool pool) {
        return new Database(pool, DEADLINE);
    }

    @Bean
    ActionApplier actionApplier(
            @Qualifier("relay") Database database,
            Checkpoints checkpoints,
            Actions actions,
            DesiredStates desiredStates,
            ParkedActions parked,
            Replays replays) {
        return new ActionApplier(database, checkpoints, actions, desiredStates, parked, replays);
    }

    @Bean
    Relay relayEngine(
            Connections connections,
            EventLog log,
            Checkpoints checkpoints,
            Claims claims,
            ParkedEvents parkedEvents,
            RunStates states,
            ActionApplier actions,
            @Qualifier("relay") Database database,
            @Qualifier("transactions") Database transactions,
            ObjectProvider<Handler> handlers,
            ObjectProvider<TransactionalHandler> transactionalHandlers,
            RelaySettings settings) {
        String instance = ProcessHandle.current().pid() + "-"
                + UUID.randomUUID().toString().substring(0, 8);
        Ledger ledger = new Ledger(database, checkpoints, parkedEvents, states, instance);
        List<Subscription> subscriptions = new ArrayList<>();
        handlers.orderedStream()
                .flatMap(handler -> HandlerSubscription.of(handler, log, ledger))
                .forEach(subscriptions::add);
        transactionalHandlers
                .orderedStream()
                .flatMap(handler -> TransactionalSubscription.of(handler, DEADLINE, transactions, log, ledger))
                .forEach(subscriptions::add);
        requireNames(Stream.concat(
                handlers.stream().map(Handler::name),
                transactionalHandlers.stream().map(TransactionalHandler::name)));
        return new Relay(
                Listener.connections(connections), log, claims, actions, states, subscriptions, settings, instance);
    }

    /** The shards of a handler are named after it. */
    static void requireNames(Stream<String> handlers) {
        Set<String> names = new HashSet<>();
        handlers.forEach(name -> {
            if (!NAME.matcher(name).matches()) {
                throw new IllegalStateException(
                        "A handler is named \"" + name
                                + "\": its name must begin with a letter and have at most 63 lower-case letters, digits and hyphens");
            }
            if (!names.add(name)) {
                throw new IllegalStateException("Two handlers are named " + name
                        + ": give each a name of its own, it is how its position is stored");
            }
        });
    }
}
