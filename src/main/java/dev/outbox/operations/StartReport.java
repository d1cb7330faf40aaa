package dev.outbox.operations;

import dev.outbox.handler.Handler;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.spi.ConnectionFactoryOptions;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Says once, when requests are answered: where, from which database, who is subscribed, and what to try first. */
@Component
final class StartReport {

    private static final Log log = LogFactory.getLog(StartReport.class);

    private final R2dbcConnectionDetails database;
    private final ObjectProvider<Handler> handlers;
    private final ObjectProvider<TransactionalHandler> transactionalHandlers;
    private final ObjectProvider<FirstTry> firstTries;
    private final String address;

    StartReport(
            R2dbcConnectionDetails database,
            ObjectProvider<Handler> handlers,
            ObjectProvider<TransactionalHandler> transactionalHandlers,
            ObjectProvider<FirstTry> firstTries,
            @Value("${server.address:}") String address) {
        this.database = database;
        this.handlers = handlers;
        this.transactionalHandlers = transactionalHandlers;
        this.firstTries = firstTries;
        this.address = address.isEmpty() || address.equals("0.0.0.0") ? "localhost" : address;
    }

    @EventListener
    void report(ApplicationReadyEvent ready) {
        if (!(ready.getApplicationContext() instanceof WebServerApplicationContext context)
                || context.getWebServer() == null) {
            return;
        }
        String api = address + ":" + context.getWebServer().getPort();
        log.info("API          http://" + api + "  (up in "
                + ManagementFactory.getRuntimeMXBean().getUptime() + " ms)");
        log.info("Database     psql " + psql(database.getConnectionFactoryOptions()));
        subscriptions().forEach((name, types) -> log.info("Subscribed   " + name + " to " + types));
        firstTries.forEach(first -> log.info("Try          " + first.command(api)));
    }

    private Map<String, String> subscriptions() {
        Map<String, String> subscriptions = new TreeMap<>();
        handlers.forEach(handler -> subscriptions.put(handler.name(), subscribed(handler.types(), handler.shards())));
        transactionalHandlers.forEach(
                handler -> subscriptions.put(handler.name(), subscribed(handler.types(), handler.shards())));
        return subscriptions;
    }

    private static String subscribed(Set<String> types, int shards) {
        return (types.isEmpty() ? "all events" : String.join(", ", new TreeSet<>(types)))
                + (shards == 1 ? "" : ", in " + shards + " shards");
    }

    /** Never with the password. */
    private static String psql(ConnectionFactoryOptions options) {
        return "postgresql://" + text(options.getValue(ConnectionFactoryOptions.USER)) + "@"
                + text(options.getValue(ConnectionFactoryOptions.HOST)) + port(options) + "/"
                + text(options.getValue(ConnectionFactoryOptions.DATABASE));
    }

    private static String port(ConnectionFactoryOptions options) {
        return options.hasOption(ConnectionFactoryOptions.PORT)
                ? ":" + options.getValue(ConnectionFactoryOptions.PORT)
                : "";
    }

    private static String text(@Nullable Object value) {
        return value == null ? "" : value.toString();
    }
}
