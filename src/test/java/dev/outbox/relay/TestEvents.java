package dev.outbox.relay;

import dev.outbox.TestDatabase;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Writes events without an order or a client behind them. */
final class TestEvents {

    private TestEvents() {}

    /** One of each key, in this order, in one transaction. */
    static void write(TestDatabase database, String... keys) {
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload) values "
                + Arrays.stream(keys).map(key -> event(key, "thing.made")).collect(Collectors.joining(", ")));
    }

    /** One of a type. */
    static void writeOf(TestDatabase database, String key, String type) {
        database.execute(
                "insert into outbox.event (aggregate_type, aggregate_id, type, payload) values " + event(key, type));
    }

    /** Many, in one transaction. The key is an SQL expression that may go by n, from 1. */
    static void writeMany(TestDatabase database, int count, String key) {
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)" + " select 'thing', "
                + key + ", 'thing.made', '{}' from generate_series(1, " + count + ") n");
    }

    private static String event(String key, String type) {
        return "('thing', '" + key + "', '" + type + "', '{}')";
    }
}
