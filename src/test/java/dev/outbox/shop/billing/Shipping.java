package dev.outbox.shop.billing;

import dev.outbox.TestDatabase;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Clients who ship orders, one after the other, over HTTP and in SQL; every eighth change in SQL is rolled back. Those over HTTP
 * pause while there is no service.
 */
final class Shipping implements AutoCloseable {

    private static final Pattern SHIPPED = Pattern.compile("\\{\"id\":(\\d+),.*\"status\":\"shipped\"");

    private final TestDatabase database;
    private final int orders;
    private final AtomicInteger next = new AtomicInteger();
    private final Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
    private final ExecutorService threads = Executors.newFixedThreadPool(4);
    private final List<Future<?>> clients = new ArrayList<>();
    private volatile int port;
    private volatile boolean stopped;

    Shipping(TestDatabase database, int orders) {
        this.database = database;
        this.orders = orders;
        clients.add(threads.submit(() -> whileOpen(this::shipOne)));
        clients.add(threads.submit(() -> whileOpen(this::shipMany)));
        clients.add(threads.submit(this::shipInSql));
        clients.add(threads.submit(this::shipInSql));
    }

    /** Where the service is; 0 if there is none. */
    void to(int port) {
        this.port = port;
    }

    Set<Long> acknowledged() {
        return acknowledged;
    }

    /** Orders whose shipping was acknowledged, and that are not shipped. */
    Set<Long> notShipped() throws SQLException {
        Set<Long> ids = new HashSet<>(acknowledged);
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select id from orders where status = 'shipped'")) {
            while (rows.next()) {
                ids.remove(rows.getLong(1));
            }
        }
        return ids;
    }

    /** Returns when all clients have ended; fails if one of them failed. */
    void stop() throws Exception {
        stopped = true;
        for (Future<?> client : clients) {
            client.get(20, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        stopped = true;
        threads.shutdownNow();
    }

    private interface Step {
        void run(int port) throws Exception;
    }

    private Void whileOpen(Step step) throws InterruptedException {
        while (!stopped) {
            int now = port;
            if (now != 0) {
                try {
                    step.run(now);
                } catch (InterruptedException e) {
                    throw e;
                } catch (Exception away) {
                    pause(5); // the service was killed under this client's feet
                }
            }
            pause(2);
        }
        return null;
    }

    private void shipOne(int now) throws Exception {
        send(now, "/orders/update", "application/json", line(order()));
    }

    private void shipMany(int now) throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            lines.append(line(order())).append('\n');
        }
        send(now, "/orders", "application/x-ndjson", lines.toString());
    }

    private void send(int now, String path, String type, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + now + path))
                .timeout(Duration.ofSeconds(5))
                .header("Content-Type", type)
                .method("PATCH", HttpRequest.BodyPublishers.ofString(body))
                .build();
        HttpResponse<Stream<String>> response = http.send(request, HttpResponse.BodyHandlers.ofLines());
        response.body()
                .map(SHIPPED::matcher)
                .filter(Matcher::find)
                .forEach(matcher -> acknowledged.add(Long.parseLong(matcher.group(1))));
    }

    private Void shipInSql() throws Exception {
        try (Connection connection = database.connect();
                PreparedStatement statement =
                        connection.prepareStatement("update orders set status = 'shipped' where id = ?")) {
            connection.setAutoCommit(false);
            for (int i = 0; !stopped; i++) {
                statement.setInt(1, order());
                statement.execute();
                if (i % 8 == 7) {
                    connection.rollback();
                } else {
                    connection.commit();
                }
                pause(10);
            }
        }
        return null;
    }

    private int order() {
        int order = next.incrementAndGet();
        if (order > orders) {
            throw new IllegalStateException("There are no orders left to ship");
        }
        return order;
    }

    private static String line(int order) {
        return "{\"id\":" + order + ",\"status\":\"shipped\"}";
    }

    private static void pause(int millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
