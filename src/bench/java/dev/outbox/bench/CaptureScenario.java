package dev.outbox.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * What a change of an order costs the session that makes it, and how much of that goes if a part of the capture goes or is another
 * one. Every round is rolled back, with what was altered for it: no flush is in the times, and nobody else may write.
 */
final class CaptureScenario implements Bench.Scenario {

    private static final int CHANGES = 20_000;

    /** A statement each, and its deferred triggers after it as at a commit. */
    private static final String CHANGE = """
            do $$
            begin
                for i in %d..%d loop
                    update orders set status = 'backorder' where id = i;
                    set constraints all immediate;
                    set constraints all deferred;
                end loop;
            end
            $$
            """;

    private static final String NO_CAPTURE = "alter table orders disable trigger capture_update";

    private int first = 1;

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        database.clean();
        database.execute("alter table orders set (autovacuum_enabled = off)");
        try {
            return List.of(new Pairs(settings).run("a change of an order in its session", sides(database), List.of()));
        } finally {
            database.execute("alter table orders reset (autovacuum_enabled)");
        }
    }

    private List<Side> sides(Database database) throws IOException {
        List<Side> sides = new ArrayList<>();
        add(sides, database, "as it is");
        add(sides, database, "no guard", "alter table orders disable trigger guard");
        add(sides, database, "no capture", NO_CAPTURE);
        add(sides, database, "no bell", "alter table outbox.event disable trigger ring");
        add(
                sides,
                database,
                "captured by the statement, not at the commit",
                NO_CAPTURE,
                "create trigger capture_at_once after update on orders for each row"
                        + " when (old.status is distinct from new.status) execute function orders__capture()");
        String capture = capture();
        String variables = capture.replaceFirst("(?s)\\nbegin\\n.*\\$\\$;", "\nbegin return null; end \\$\\$;");
        String nothing = variables.replaceFirst("(?s)declare.*begin", "begin");
        add(sides, database, "capture does nothing", nothing);
        add(sides, database, "capture does nothing, in the path and with the rights of its caller", bare(nothing));
        add(sides, database, "capture in the path and with the rights of its caller", bare(capture));
        add(sides, database, "capture has its variables only", variables);
        add(sides, database, "no item ids", capture.replaceFirst("\\(select coalesce[^;]*;", "'[]';"));
        add(
                sides,
                database,
                "payload json",
                "alter table outbox.event alter column payload type json",
                capture().replace("jsonb", "json"));
        add(sides, database, "no index by transaction", "drop index outbox.event_tx_id_idx");
        add(sides, database, "no index by key", "drop index outbox.event_aggregate_idx");
        add(
                sides,
                database,
                "no partitions",
                "alter table outbox.event rename to partitioned",
                "create table outbox.event (like outbox.partitioned including all)",
                "create trigger ring after insert on outbox.event for each statement execute function outbox.event__ring()");
        for (int fill : new int[] {80, 100}) {
            add(
                    sides,
                    database,
                    "orders written anew, filled to " + fill + " %",
                    "alter table orders set (fillfactor = " + fill + ")",
                    "cluster orders using orders_pkey");
        }
        return sides;
    }

    private static String bare(String routine) {
        return routine.replaceFirst("security definer\\s+set search_path = \\S+ \\S+", "");
    }

    private void add(List<Side> sides, Database database, String name, String... alterations) {
        sides.add(new Side(name, () -> change(database, alterations)));
    }

    private List<Value> change(Database database, String... alterations) throws SQLException {
        first = first + 2 * CHANGES > database.orders() ? 1 : first + CHANGES;
        int changes = Math.min(CHANGES, database.orders());
        database.execute("truncate outbox.event", "vacuum orders"); // what the round before has left
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            for (String alteration : alterations) {
                statement.execute(alteration);
            }
            long wal = wal(statement);
            long began = System.nanoTime();
            statement.execute(CHANGE.formatted(first, first + changes - 1));
            double micros = (System.nanoTime() - began) / 1e3;
            wal = wal(statement) - wal;
            connection.rollback();
            return List.of(
                    new Value("time", "µs/change", micros / changes),
                    new Value("log of the server", "bytes/change", (double) wal / changes));
        }
    }

    private static long wal(Statement statement) throws SQLException {
        try (ResultSet position = statement.executeQuery("select pg_current_wal_insert_lsn() - '0/0'")) {
            position.next();
            return position.getLong(1);
        }
    }

    private static String capture() throws IOException {
        try (InputStream routine =
                CaptureScenario.class.getResourceAsStream("/db/changelog/shop/routines/orders__capture.sql")) {
            return new String(routine.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
