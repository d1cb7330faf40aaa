package dev.outbox.faults;

import dev.outbox.Service;
import dev.outbox.TestDatabase;
import dev.outbox.faults.Histories.Commit;
import dev.outbox.faults.Histories.Logged;
import dev.outbox.faults.Histories.Verdict;
import dev.outbox.relay.DeliveryCheck;
import dev.outbox.relay.Writers;
import dev.outbox.shop.billing.ChargeCheck;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The end of a scenario: waits until all is delivered and each effect is there, gathers the histories, and says what is wrong. */
final class Settlement {

    private static final Duration POOLS_FREE_WITHIN = Duration.ofSeconds(8);

    private final Rig rig;
    private final TestDatabase database;
    private final Writers writers;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    Settlement(Rig rig, Writers writers) {
        this.rig = rig;
        this.database = rig.database;
        this.writers = writers;
    }

    /** Returns when nothing is left to wait for, or in vain at the deadline: then the histories tell what is missing. */
    void await(Duration atMost) {
        Servers.waitFor(this::isDone, atMost);
    }

    private boolean isDone() {
        long events = database.number("select count(*) from faults_event");
        return rig.sink.accepted() >= events
                && database.number("select count(*) from faults_count where counter = 'faults-count'") >= events
                && ChargeCheck.missing(database) == 0;
    }

    Histories histories() {
        List<Commit> commits = writers.outcomes().entrySet().stream()
                .map(outcome -> new Commit(outcome.getKey(), writers.sizes().get(outcome.getKey()), outcome.getValue()))
                .toList();
        return new Histories(commits, logged(), rig.sink.deliveries());
    }

    List<String> faults(Verdict verdict) throws InterruptedException {
        List<String> faults = new ArrayList<>();
        name(faults, "lost", verdict.lost());
        name(faults, "acknowledged and not in the log", verdict.vanished());
        name(faults, "failed and in the log", verdict.risen());
        name(faults, "half in the log", verdict.torn());
        name(faults, "not committed and delivered", verdict.unfounded());
        name(faults, "out of order", verdict.swapped());
        DeliveryCheck counted = DeliveryCheck.of(
                logged().stream()
                        .map(event -> new DeliveryCheck.Item(event.id(), event.key()))
                        .toList(),
                items("select event_id, key from faults_count where counter = 'faults-count' order by number"));
        if (!counted.isOnceInOrder()) {
            faults.add("effects: lost %d, repeated %d, unfounded %d, out of order %d"
                    .formatted(
                            counted.lost().size(),
                            counted.repeated(),
                            counted.unfounded().size(),
                            counted.swapped().size()));
        }
        StaleCheckpoint.anywhere(database)
                .ifPresent(stale -> faults.add("a checkpoint that does not follow: " + stale));
        ChargeCheck charges = ChargeCheck.of(database);
        if (!charges.isClean()) {
            faults.add(charges.toString());
        }
        for (Service service : rig.services) {
            if (!Servers.waitFor(() -> "0".equals(get(service, "/faults/borrowed")), POOLS_FREE_WITHIN)) {
                faults.add("connections of a pool in use: " + get(service, "/faults/borrowed"));
            }
        }
        return faults;
    }

    /** The body of the answer; what went wrong if there is none. */
    String get(Service service, String path) {
        try {
            return http.send(
                            HttpRequest.newBuilder(URI.create(service.url() + path))
                                    .timeout(Duration.ofSeconds(5))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
        } catch (IOException e) {
            return e.toString();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static void name(List<String> faults, String what, java.util.Set<?> which) {
        if (!which.isEmpty()) {
            faults.add(which.size() + " " + what + ", such as "
                    + which.stream().limit(5).toList());
        }
    }

    private List<Logged> logged() {
        List<Logged> logged = new ArrayList<>();
        read("select id, key, type from faults_event order by id", rows -> {
            logged.add(new Logged(rows.getLong(1), rows.getString(2), rows.getString(3)));
        });
        return logged;
    }

    private List<DeliveryCheck.Item> items(String sql) {
        List<DeliveryCheck.Item> items = new ArrayList<>();
        read(sql, rows -> items.add(new DeliveryCheck.Item(rows.getLong(1), rows.getString(2))));
        return items;
    }

    private interface Row {
        void read(ResultSet rows) throws SQLException;
    }

    private void read(String sql, Row row) {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                row.read(rows);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }
}
