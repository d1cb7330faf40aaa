package dev.outbox.relay;

import dev.outbox.JavaProcess;
import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * A relay in a process of its own. Its handler notes each delivery in the table {@code delivery}, by a connection of its own; its
 * transactional handler writes to {@code effect}, and stands still after that at an event of the type {@code hold}.
 */
final class RelayProcess implements AutoCloseable {

    private static final Duration START_WITHIN = Duration.ofSeconds(60);

    private final JavaProcess process;
    private final String instance;

    RelayProcess(TestDatabase database) throws Exception {
        process = new JavaProcess(
                RelayProcess.class, Map.of(), database.host(), Integer.toString(database.port()), database.name());
        instance = process.await(Pattern.compile("instance (\\S+)"), START_WITHIN);
    }

    static void createTables(TestDatabase database) {
        database.execute("""
                create table delivery (
                    number bigint generated always as identity primary key, instance text, event_id bigint, key text,
                    at timestamptz default clock_timestamp());
                create table effect (event_id bigint primary key, key text)
                """);
    }

    String instance() {
        return instance;
    }

    /** As in the column instance of {@code delivery}. */
    long pid() {
        return process.pid();
    }

    void awaitLeading(Duration atMost) throws InterruptedException {
        process.await(Pattern.compile("state LEADING"), atMost);
    }

    void terminate() {
        process.terminate();
    }

    void awaitEnd(Duration atMost) throws InterruptedException {
        process.awaitEnd(atMost);
    }

    void awaitHolding(Duration atMost) throws InterruptedException {
        process.await(Pattern.compile("holding"), atMost);
    }

    void awaitLostLeadership(Duration atMost) throws InterruptedException {
        process.await(Pattern.compile("state LEADING → "), atMost);
    }

    void kill() throws InterruptedException {
        process.kill();
    }

    void freeze() throws Exception {
        process.freeze();
    }

    void thaw() throws Exception {
        process.thaw();
    }

    @Override
    public void close() throws InterruptedException {
        process.close();
    }

    public static void main(String[] arguments) throws SQLException {
        TestDatabase database = new TestDatabase(arguments[0], Integer.parseInt(arguments[1]), arguments[2]);
        Connection notes = database.connect();
        TestRelay relay = TestRelay.with(database, List.of(new Noting(notes)), List.of(new Effect()));
        Runtime.getRuntime().addShutdownHook(new Thread(relay::stop, "stop"));
        String instance = relay.relay.instance();
        System.out.println("instance " + instance);
        Relay.State last = Relay.State.CONNECTING;
        while (true) {
            Relay.State state = relay.relay.state();
            if (state != last) {
                System.out.println((last == Relay.State.LEADING ? "state LEADING → " : "state ") + state);
                last = state;
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static final class Noting implements Handler {

        private final Connection connection;

        Noting(Connection connection) {
            this.connection = connection;
        }

        @Override
        public String name() {
            return "noting";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            return Mono.<Void>fromRunnable(() -> note(event)).subscribeOn(Schedulers.boundedElastic());
        }

        private void note(Event event) {
            synchronized (connection) {
                try (PreparedStatement insert = connection.prepareStatement(
                        "insert into delivery (instance, event_id, key) values (?, ?, ?)")) {
                    insert.setString(1, Long.toString(ProcessHandle.current().pid()));
                    insert.setLong(2, event.id());
                    insert.setString(3, event.key());
                    insert.execute();
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }

    private static final class Effect implements TransactionalHandler {

        @Override
        public String name() {
            return "effect";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
            return Database.update(
                            connection,
                            "insert into effect (event_id, key) select * from unnest($1::bigint[], $2::text[])",
                            events.stream().map(Event::id).toArray(Long[]::new),
                            events.stream().map(Event::key).toArray(String[]::new))
                    .then(Mono.defer(() -> hold(events)));
        }

        private static Mono<Void> hold(List<Event> events) {
            if (events.stream().noneMatch(event -> event.type().equals("hold"))) {
                return Mono.empty();
            }
            System.out.println("holding");
            return Mono.delay(Duration.ofSeconds(2)).then();
        }
    }
}
