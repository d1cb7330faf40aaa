package dev.outbox.log;

import static java.util.Objects.requireNonNull;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import reactor.core.publisher.Mono;

/**
 * A log with open transactions and readers at every stage: at the tail with late events to come, within a window, far behind. One
 * thread does it all, so a seed repeats it.
 */
final class RestoreModel implements AutoCloseable {

    private static final int READERS = 12;
    private static final int WRITERS = 6;

    final TestDatabase database;
    final EventLog log;
    final Checkpoints checkpoints;

    private final Database units;
    private final Random random;
    private final List<Connection> idle = new ArrayList<>();
    private final List<Connection> open = new ArrayList<>();

    RestoreModel(TestDatabase database, Random random) throws SQLException {
        this.database = database;
        this.random = random;
        this.units = new Database(database.pool(3), Duration.ofSeconds(30));
        this.log = new EventLog(units);
        this.checkpoints = new Checkpoints(units);
        for (int i = 0; i < WRITERS; i++) {
            Connection connection = database.connect();
            connection.setAutoCommit(false);
            idle.add(connection);
        }
    }

    List<String> readers() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < READERS; i++) {
            names.add("reader-" + i);
        }
        return names;
    }

    /** Makes a history, at the end of which every transaction has ended. */
    void run(int steps) throws SQLException {
        for (String reader : readers()) {
            TestLog.register(database, reader);
        }
        for (int i = 0; i < steps; i++) {
            switch (random.nextInt(4)) {
                case 0 -> begin();
                case 1 -> write();
                case 2 -> end();
                default -> read("reader-" + random.nextInt(READERS));
            }
        }
        while (!open.isEmpty()) {
            end();
        }
    }

    private void begin() throws SQLException {
        if (idle.isEmpty()) {
            return;
        }
        Connection writer = idle.remove(random.nextInt(idle.size()));
        open.add(writer);
        execute(writer, random.nextBoolean() ? "select pg_current_xact_id()" : "select 1");
    }

    private void write() throws SQLException {
        if (!open.isEmpty()) {
            execute(open.get(random.nextInt(open.size())), insert(1 + random.nextInt(4)));
        }
    }

    private void end() throws SQLException {
        if (open.isEmpty()) {
            return;
        }
        Connection writer = open.remove(random.nextInt(open.size()));
        idle.add(writer);
        if (random.nextInt(6) == 0) {
            writer.rollback();
        } else {
            writer.commit();
        }
    }

    private void read(String reader) {
        Checkpoint last = checkpoints.latest(reader).block(Duration.ofSeconds(30));
        Position from = last == null ? Position.BEGINNING : last.position();
        Page page = page(from, random.nextInt(3) == 0 ? 1_000 : 1 + random.nextInt(6));
        Position after = page.events().size() > 1 && random.nextInt(3) == 0
                ? page.after(1 + random.nextInt(page.events().size() - 1))
                : page.after();
        Checkpoint next = last == null ? new Checkpoint(reader, 0, after) : last.next(after);
        TestLog.store(units, next).block(Duration.ofSeconds(10));
    }

    /** Stores the position behind all that is there. */
    void toTheEnd(String reader) {
        Checkpoint last = requireNonNull(checkpoints.latest(reader).block(Duration.ofSeconds(30)));
        Page page = page(last.position(), 1_000);
        while (!page.isEmpty()) {
            page = page(page.after(), 1_000);
        }
        checkpoints.append(last.next(page.after()), "test").block(Duration.ofSeconds(10));
    }

    /** The stored positions of the readers that have one. */
    List<Position> positions() {
        return readers().stream()
                .flatMap(reader -> checkpoints.stored(reader).flux().toStream())
                .map(Checkpoint::position)
                .toList();
    }

    /** What each reader has not done, by its position as it is stored: read on to the end. */
    Map<String, List<Long>> undone() {
        Map<String, List<Long>> undone = new TreeMap<>();
        readers().forEach(reader -> undone.put(reader, rest(checkpoints.stored(reader))));
        return undone;
    }

    /** The same, after conversion if one is due. */
    Map<String, List<Long>> undoneConverted() {
        Map<String, List<Long>> undone = new TreeMap<>();
        readers().forEach(reader -> undone.put(reader, rest(checkpoints.latest(reader))));
        return undone;
    }

    private List<Long> rest(Mono<Checkpoint> checkpoint) {
        return rest(checkpoint
                .map(Checkpoint::position)
                .defaultIfEmpty(Position.BEGINNING)
                .map(position -> position.on(null)) // the twin's positions are from another server
                .block(Duration.ofSeconds(30)));
    }

    /** Sorted, since two windows here can be one there; what came twice is there twice. */
    List<Long> rest(Position from) {
        List<Long> ids = new ArrayList<>();
        for (Page page = page(from, 5); !page.isEmpty(); page = page(page.after(), 5)) {
            page.events().forEach(event -> ids.add(event.id()));
        }
        Collections.sort(ids);
        return ids;
    }

    private Page page(Position from, int limit) {
        return requireNonNull(log.page(from, limit, Wanted.ALL, 0).block(Duration.ofSeconds(20)));
    }

    static String insert(int count) {
        return "insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', n, 'thing.made', '{}' from generate_series(1, " + count + ") n";
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Override
    public void close() throws SQLException {
        for (Connection connection : idle) {
            connection.close();
        }
        for (Connection connection : open) {
            connection.close();
        }
    }
}
