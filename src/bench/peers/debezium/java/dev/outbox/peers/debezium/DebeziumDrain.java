package dev.outbox.peers.debezium;

import dev.outbox.peers.Drain;
import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.ChangeEventFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.postgresql.Driver;

/** Debezium's embedded engine with the outbox event router; its settings are in debezium.properties. Needs wal_level = logical. */
final class DebeziumDrain {

    private static final String SCHEMA = "peer_debezium";

    private static final String DROP_SLOT =
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '" + SCHEMA + "'";

    private static final String DROP_PUBLICATION = "drop publication if exists " + SCHEMA;

    private DebeziumDrain() {}

    public static void main(String[] arguments) throws Exception {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try (Drain drain = Drain.begin(SCHEMA, arguments)) {
            drain.execute(DROP_SLOT, DROP_PUBLICATION);
            fill(drain);
            try (DebeziumEngine<?> engine = engine(drain)) {
                thread.execute(engine);
                drain.await();
            } finally {
                drain.execute(DROP_PUBLICATION);
            }
        } finally {
            thread.shutdown();
        }
    }

    /** Rows in transactions of 1,000, which the slot has all of. */
    private static void fill(Drain drain) throws SQLException {
        drain.execute(
                """
                create table outbox (
                    id uuid primary key,
                    aggregatetype text not null,
                    aggregateid text not null,
                    type text not null,
                    payload jsonb not null)
                """,
                "create publication " + SCHEMA + " for table outbox",
                "select pg_create_logical_replication_slot('" + SCHEMA + "', 'pgoutput')",
                """
                do $$
                begin
                    for low in 1 .. %1$d by 1000 loop
                        insert into outbox (id, aggregatetype, aggregateid, type, payload)
                        select gen_random_uuid(), 'thing', n, 'thing.made',
                            jsonb_build_object('thingId', n, 'parts', '[1, 2, 3]'::jsonb, 'made', now())
                        from generate_series(low, least(low + 999, %1$d)) n;
                        commit;
                    end loop;
                end
                $$
                """
                        .formatted(drain.backlog()),
                "checkpoint");
    }

    private static DebeziumEngine<?> engine(Drain drain) throws IOException {
        return DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
                .using(properties(drain))
                .notifying(event -> drain.handle())
                .build();
    }

    private static Properties properties(Drain drain) throws IOException {
        Properties server = Driver.parseURL(drain.url(), new Properties());
        Properties properties = new Properties();
        try (var settings = DebeziumDrain.class.getResourceAsStream("/debezium.properties")) {
            properties.load(settings);
        }
        properties.put("database.hostname", server.getProperty("PGHOST"));
        properties.put("database.port", server.getProperty("PGPORT"));
        properties.put("database.dbname", server.getProperty("PGDBNAME"));
        properties.put("database.user", server.getProperty("user"));
        properties.put("slot.name", SCHEMA);
        properties.put("publication.name", SCHEMA);
        properties.put("table.include.list", SCHEMA + ".outbox");
        properties.put("offset.storage.file.filename", offsets().toString());
        return properties;
    }

    private static Path offsets() throws IOException {
        Path file = Files.createTempFile("debezium", ".offsets");
        file.toFile().deleteOnExit();
        return file;
    }
}
