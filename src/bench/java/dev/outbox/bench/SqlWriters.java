package dev.outbox.bench;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;

/** Stands in for pgbench, in a process of its own: url, connections, seconds, first order, last order. */
final class SqlWriters {

    static final String UPDATE =
            "update orders set status = case status when 'created' then 'backorder' else 'created' end where id = ?";

    private SqlWriters() {}

    public static void main(String[] arguments) throws Exception {
        int connections = Integer.parseInt(arguments[1]);
        int seconds = Integer.parseInt(arguments[2]);
        int first = Integer.parseInt(arguments[3]);
        int last = Integer.parseInt(arguments[4]);
        LongAdder commits = new LongAdder();
        ExecutorService threads = Executors.newCachedThreadPool();
        List<Future<?>> writers = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            writers.add(threads.submit(() -> write(arguments[0], seconds, first, last, commits)));
        }
        for (int second = 1; second <= seconds; second++) {
            Thread.sleep(1_000);
            System.out.printf(Locale.ROOT, "progress: %d.0 s, %d.0 tps%n", second, commits.sumThenReset());
        }
        for (Future<?> writer : writers) {
            writer.get();
        }
        threads.shutdown();
    }

    private static Void write(String url, int seconds, int first, int last, LongAdder commits) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                PreparedStatement update = connection.prepareStatement(UPDATE)) {
            long end = System.nanoTime() + seconds * 1_000_000_000L;
            while (System.nanoTime() < end) {
                update.setLong(1, ThreadLocalRandom.current().nextInt(first, last + 1));
                update.executeUpdate();
                commits.increment();
            }
        }
        return null;
    }
}
