package dev.outbox.relay;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.relay.DeliveryCheck.Item;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import reactor.core.publisher.Mono;

/** A handler that notes what came, and when; the type of an event of {@link Writers} is its token. */
public final class Deliveries implements Handler {

    private final String name;
    private final List<Item> items = new ArrayList<>();
    private final Map<String, Long> firstAt = new HashMap<>();

    Deliveries(String name) {
        this.name = name;
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
    public Mono<Void> handle(Event event) {
        return Mono.fromRunnable(() -> add(event));
    }

    private synchronized void add(Event event) {
        items.add(new Item(event.id(), event.key()));
        firstAt.putIfAbsent(event.type(), System.nanoTime());
    }

    synchronized List<Item> items() {
        return List.copyOf(items);
    }

    synchronized int count() {
        return items.size();
    }

    /** When a token came first, or null. */
    synchronized Long firstAt(String token) {
        return firstAt.get(token);
    }

    synchronized DeliveryCheck check(TestDatabase database) {
        return DeliveryCheck.of(committed(database), List.copyOf(items));
    }

    /** Waits until each committed event has come. */
    void awaitAll(TestDatabase database, Duration atMost) {
        await(() -> check(database).lost().isEmpty(), atMost, "every committed event in " + name);
    }

    static List<Item> committed(TestDatabase database) {
        return items(database, "select id, aggregate_id from outbox.event order by id");
    }

    /** Ids and keys. */
    static List<Item> items(TestDatabase database, String sql) {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<Item> items = new ArrayList<>();
            while (rows.next()) {
                items.add(new Item(rows.getLong(1), rows.getString(2)));
            }
            return items;
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    /** Returns when the condition holds; looks every two milliseconds. */
    public static void await(BooleanSupplier condition, Duration atMost, String what) {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Waited in vain for " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
    }
}
