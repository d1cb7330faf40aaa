package dev.outbox.faults;

import dev.outbox.relay.Writers;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Somebody leaves a transaction open: it holds an xid, a snapshot, or is prepared and forgotten. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class PressureFaultTests {

    /** In the short lane a window is a few seconds long, and what else runs on the machine shows in it. */
    private static final double KEPT = Lane.isLong() ? 0.95 : 0.8;

    private static final long STALLED_FROM = 1_000;

    private static final String LATE =
            "insert into outbox.event (aggregate_type, aggregate_id, type, payload) values ('late', '%s', 'late', '{}')";

    private final Duration window = Duration.ofSeconds(Lane.times(5, 600));
    private final StringBuilder found = new StringBuilder("deliveries/s");

    @Test
    void transactionsAreLeftOpen() throws Exception {
        try (Rig rig = new Rig(12, "held xid, REPEATABLE READ reader, prepared transaction")) {
            // what an analysis finds would be counted again a second later, by the session whose transaction it was
            rig.database.execute("alter table outbox.event_0 set (autovacuum_enabled = off)");
            rig.start().awaitPort();
            rig.write();
            rig.awaitCaughtUp();
            Rate before = watch(rig, "before");
            try (Connection xid = begin(rig, Connection.TRANSACTION_READ_COMMITTED)) {
                execute(xid, LATE.formatted("xid"));
                compare(rig, before, watch(rig, "held xid"));
                xid.commit();
            }
            try (Connection reader = begin(rig, Connection.TRANSACTION_REPEATABLE_READ)) {
                execute(reader, "select count(*) from outbox.event");
                compare(rig, before, watch(rig, "reader"));
                reader.rollback();
            }
            prepare(rig);
            compare(rig, before, watch(rig, "prepared"));
            rig.database.execute("commit prepared 'forgotten'");
            rig.writers().stop();
            requireNoDeadRows(rig);
            rig.settle(found.toString());
        }
    }

    /**
     * What a window saw in each second. Deliveries are compared with what was written meanwhile: of the writers' transactions fewer and
     * fewer find an order that may still change, so they write fewer and fewer events.
     */
    private record Rate(double commits, double events, double deliveries) {}

    private Rate watch(Rig rig, String what) {
        rig.injectHarmless();
        long since = Rig.micros();
        long commits = rig.writers().count(Writers.Outcome.COMMITTED);
        long last = lastId(rig);
        LockSupport.parkNanos(window.toNanos());
        double seconds = (Rig.micros() - since) / 1e6;
        Rate rate = new Rate(
                (rig.writers().count(Writers.Outcome.COMMITTED) - commits) / seconds,
                rig.database.number(
                                "select count(*) from outbox.event where id > " + last + " and id <= " + lastId(rig))
                        / seconds,
                rig.sink.since(since).size() / seconds);
        long gap = rig.longestGap(since);
        rig.times.add(gap);
        rig.require(gap < STALLED_FROM, what + ": no delivery for " + gap + " ms");
        rig.require(rate.deliveries >= KEPT * rate.events, what + ": does not keep up, " + rate);
        found.append("; %s %.0f of %.0f by %.0f commits".formatted(what, rate.deliveries, rate.events, rate.commits));
        return rate;
    }

    private static long lastId(Rig rig) {
        return rig.database.number("select max(id) from outbox.event");
    }

    /** Nor are the writers slower. */
    private static void compare(Rig rig, Rate before, Rate now) {
        rig.require(now.commits >= KEPT * before.commits, "%s, before %s".formatted(now, before));
    }

    private static void prepare(Rig rig) throws SQLException {
        try (Connection connection = begin(rig, Connection.TRANSACTION_READ_COMMITTED)) {
            execute(connection, "set local outbox.ring = off");
            execute(connection, LATE.formatted("prepared"));
            execute(connection, "prepare transaction 'forgotten'");
        }
    }

    /** What was rolled back is dead from the start; nothing else is. */
    private static void requireNoDeadRows(Rig rig) {
        Writers writers = rig.writers();
        long rolledBack = writers.outcomes().entrySet().stream()
                .filter(outcome -> outcome.getValue() != Writers.Outcome.COMMITTED)
                .mapToLong(outcome -> writers.sizes().get(outcome.getKey()))
                .sum();
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(2)); // the sessions' counts are gathered once a second
        String tables = " from pg_stat_user_tables where schemaname = 'outbox' and relname like 'event%'";
        long dead = rig.database.number("select sum(n_dead_tup)" + tables);
        long changed = rig.database.number("select sum(n_tup_upd + n_tup_del)" + tables);
        rig.require(dead <= rolledBack, dead + " dead rows in the log, " + rolledBack + " rolled back");
        rig.require(changed == 0, changed + " rows of the log updated or deleted");
    }

    private static Connection begin(Rig rig, int isolation) throws SQLException {
        Connection connection = rig.database.connect();
        connection.setTransactionIsolation(isolation);
        connection.setAutoCommit(false);
        return connection;
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
