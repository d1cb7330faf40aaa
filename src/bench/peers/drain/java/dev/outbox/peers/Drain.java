package dev.outbox.peers;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One backlog of one peer: the schema that its tables are in, and the count of the events that its handler got. A tenth
 * more events comes before and does not count, so that the peer is as warm as what it is compared with.
 */
public final class Drain implements AutoCloseable {

    private static final long PATIENCE_SECONDS = 60;

    private final String schema;
    private final String url;
    private final int events;
    private final int warmUp;
    private final AtomicInteger handled = new AtomicInteger();
    private final CountDownLatch all = new CountDownLatch(1);
    private volatile long first;
    private volatile long last;

    private Drain(String schema, String url, int events) {
        this.schema = schema;
        this.url = url;
        this.events = events;
        this.warmUp = events / 10;
    }

    /** Makes the schema anew; the arguments are a JDBC URL, whose user may do that, and how many events count. */
    public static Drain begin(String schema, String[] arguments) throws SQLException {
        String url = arguments[0] + (arguments[0].contains("?") ? "&" : "?") + "currentSchema=" + schema;
        Drain drain = new Drain(schema, url, Integer.parseInt(arguments[1]));
        drain.close();
        drain.execute("create schema " + schema);
        return drain;
    }

    /** Connections by it find the schema's tables without its name. */
    public String url() {
        return url;
    }

    /** How many events to fill in, those before the ones that count among them. */
    public int backlog() {
        return warmUp + events;
    }

    public void execute(String... statements) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }

    /** What the handler does with an event, on any thread. */
    public void handle() {
        int count = handled.incrementAndGet();
        if (count == warmUp + 1) {
            first = System.nanoTime();
        }
        if (count == warmUp + events) {
            last = System.nanoTime();
            all.countDown();
        }
    }

    /** Waits for the last event and prints the nanoseconds that those that count took; fails after a minute without any. */
    public void await() throws InterruptedException {
        int before = 0;
        while (!all.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            int now = handled.get();
            if (now == before) {
                throw new IllegalStateException(now + " of " + backlog() + " events, and no more for a minute");
            }
            before = now;
        }
        System.out.println("drained " + events + " in " + (last - first));
    }

    /** Fails if the condition holds for a row of the table, which is then an event that was not handled. */
    public void requireNone(String table, String condition) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select count(*) from " + table + " where " + condition)) {
            rows.next();
            if (rows.getInt(1) > 0) {
                throw new IllegalStateException(rows.getInt(1) + " events are left in " + table);
            }
        }
    }

    /** Drops the schema, and leaves the server nothing to do while others are measured. */
    @Override
    public void close() throws SQLException {
        execute("drop schema if exists " + schema + " cascade", "checkpoint");
    }
}
