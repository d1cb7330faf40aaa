package dev.outbox.relay;

import dev.outbox.database.Database;
import dev.outbox.log.Checkpoints;
import dev.outbox.log.EventLog;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Makes one subscription of each handler bean. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(RelaySettings.class)
class RelayConfiguration {

    @Bean
    Relay relayEngine(
            @Qualifier("listenerConnections") PostgresqlConnectionFactory connections,
            EventLog log,
            Checkpoints checkpoints,
            @Qualifier("relay") Database database,
            ObjectProvider<Handler> handlers,
            ObjectProvider<TransactionalHandler> transactionalHandlers,
            RelaySettings settings) {
        String instance = ProcessHandle.current().pid() + "-"
                + UUID.randomUUID().toString().substring(0, 8);
        List<Subscription> subscriptions = new ArrayList<>();
        handlers.orderedStream()
                .forEach(handler -> subscriptions.add(new HandlerSubscription(handler, checkpoints, instance)));
        transactionalHandlers
                .orderedStream()
                .forEach(handler ->
                        subscriptions.add(new TransactionalSubscription(handler, database, checkpoints, instance)));
        requireDistinctNames(subscriptions);
        return new Relay(connections, log, checkpoints, subscriptions, settings, instance);
    }

    private static void requireDistinctNames(List<Subscription> subscriptions) {
        Set<String> names = new HashSet<>();
        for (Subscription subscription : subscriptions) {
            if (!names.add(subscription.name())) {
                throw new IllegalStateException("Two handlers are named " + subscription.name()
                        + ": give each a name of its own, it is how its position is stored");
            }
        }
    }
}
