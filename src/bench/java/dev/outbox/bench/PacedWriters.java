package dev.outbox.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Changes by SQL from outside at a steady rate, a transaction each, and how long each took to come to the handler. The first
 * transactions of a session cost tens of milliseconds: sessions are kept, and the first tenth of a round does not count.
 */
final class PacedWriters implements AutoCloseable {

    private final Database database;
    private final Service service;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Connection> sessions = new ArrayList<>();
    private int used;

    /** The service must have {@link Arriving}. */
    PacedWriters(Database database, Service service) {
        this.database = database;
        this.service = service;
    }

    /** The commits a second, and from the return of each commit to the entry of the handler. */
    List<Value> run(int perSecond, int seconds, int connections) throws Exception {
        while (sessions.size() < connections) {
            sessions.add(database.connect());
        }
        int changes = changes(perSecond, seconds);
        int first = used + changes > database.orders() ? 1 : used + 1;
        used = first + changes - 1;
        service.get("/bench/arrivals");
        long[] committed = new long[changes];
        double taken = write(first, committed, perSecond, connections);
        database.awaitCaughtUp("arriving", "billing", "notifications");
        long[] waits = waits(first, committed);
        List<Value> values = new ArrayList<>();
        values.add(Value.rate("commits", changes, taken));
        values.addAll(Value.percentiles(Arrays.copyOfRange(waits, changes / 10, changes)));
        return values;
    }

    /** How many a round makes: each is of another order. */
    int changes(int perSecond, int seconds) {
        return Math.min(perSecond * seconds, database.orders());
    }

    /** Seconds that it took. */
    private double write(int first, long[] committed, int perSecond, int connections) throws Exception {
        AtomicInteger next = new AtomicInteger();
        long began = System.nanoTime();
        List<Future<Void>> writers = new ArrayList<>();
        for (Connection session : sessions.subList(0, connections)) {
            writers.add(threads.submit(() -> write(session, first, committed, next, began, perSecond)));
        }
        for (Future<Void> writer : writers) {
            writer.get();
        }
        return (System.nanoTime() - began) / 1e9;
    }

    private static @Nullable Void write(
            Connection session, int first, long[] committed, AtomicInteger next, long began, int perSecond)
            throws SQLException {
        try (PreparedStatement change = session.prepareStatement(SqlWriters.UPDATE)) {
            for (int i = next.getAndIncrement(); i < committed.length; i = next.getAndIncrement()) {
                LockSupport.parkNanos(began + i * 1_000_000_000L / perSecond - System.nanoTime());
                change.setLong(1, first + i);
                change.executeUpdate();
                committed[i] = Arriving.now();
            }
        }
        return null;
    }

    /** Nanoseconds; none where the handler was there before the commit had returned. */
    private long[] waits(int first, long[] committed) throws Exception {
        long[] waits = new long[committed.length];
        int arrived = 0;
        for (String line : service.get("/bench/arrivals").split("\n", -1)) {
            String[] arrival = line.split(" ", -1);
            int index = Integer.parseInt(arrival[0]) - first;
            waits[index] = Math.max(0, Long.parseLong(arrival[1]) - committed[index]) * 1_000;
            arrived++;
        }
        if (arrived != committed.length) {
            throw new IllegalStateException(arrived + " of " + committed.length + " changes have arrived");
        }
        return waits;
    }

    @Override
    public void close() throws SQLException {
        threads.shutdown();
        for (Connection session : sessions) {
            session.close();
        }
    }
}
