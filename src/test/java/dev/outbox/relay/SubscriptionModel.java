package dev.outbox.relay;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryLaterException;
import dev.outbox.handler.UndeliverableException;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What happened to one subscription, as seen from outside: what was written, what its handler did and was handed, what operators asked for and
 * what came of it. It also says what the handler has to do with an event. {@link SubscriptionOracle} judges it.
 */
final class SubscriptionModel {

    static final String NAME = "model";

    /** How attempts of an event fail. */
    enum Fault {
        PLAIN,
        LATER,
        ODD,
        DEAD,
        RELAPSE,
        HANG
    }

    /**
     * What an event does to its handler.
     *
     * @param fails how many attempts fail; one that is {@link Fault#DEAD} goes on failing, one that is {@link Fault#RELAPSE} does
     *     so from its second attempt on, one that hangs does so at its first
     * @param millis how long an attempt takes
     */
    record Plan(Fault fault, int fails, int millis) {

        static final Plan NONE = new Plan(Fault.PLAIN, 0, 0);
    }

    /** Before a key that has the id of another one, and is of another type. */
    static final String TWIN = "twin ";

    /** An event, and how often it was tried. */
    static final class Written {

        final long id;

        /** Of a key that has the id of another one, and is of another type, with {@link #TWIN} before it. */
        final String key;

        final String type;
        final Plan plan;
        final AtomicInteger attempts = new AtomicInteger();
        volatile boolean diedOnce;

        /** Since when the log has it no more; null while it does. */
        volatile @Nullable Instant goneAt;

        Written(long id, String key, String type, Plan plan) {
            this.id = id;
            this.key = key;
            this.type = type;
            this.plan = plan;
        }
    }

    /** One time that an event was dealt with, or its effect was committed. */
    record Delivered(long id, boolean replayed, boolean ordered, Instant at) {}

    /**
     * An action that has been applied.
     *
     * @param shard which one its subscription was
     * @param shards of how many
     */
    record Applied(Action.Name name, Arguments arguments, int shard, int shards, Instant at, JsonNode result) {

        boolean concerns(Written event) {
            return shards == 1 || Shard.of(event.key, shards) == shard;
        }

        /** As a key of the model; null for all. */
        @Nullable
        String key() {
            String id = arguments.key();
            return id == null || !"twin".equals(arguments.aggregateType()) ? id : TWIN + id;
        }
    }

    final Map<Long, Written> written = new ConcurrentSkipListMap<>();
    final List<Instant> mayRepeatFrom = new CopyOnWriteArrayList<>();
    final List<String> complaints = new CopyOnWriteArrayList<>();
    final Sinks.Empty<Void> healed = Sinks.empty();
    private final List<Delivered> delivered = new ArrayList<>();
    private final int attempts;
    volatile boolean down;
    volatile boolean othersDown;
    volatile boolean isHealed;
    volatile int paceMillis;

    /** @param attempts after how many an event is dead */
    SubscriptionModel(int attempts) {
        this.attempts = attempts;
    }

    /** From now on every attempt succeeds. */
    void heal() {
        isHealed = true;
        down = false;
        othersDown = false;
        paceMillis = 0;
        healed.tryEmitEmpty();
    }

    /** What was delivered so far may come once more: a crash, a handler that was cut off, or a run that a handler's odd failure ended. */
    void mayRepeat() {
        mayRepeatFrom.add(Instant.now());
    }

    /** How an attempt goes on; completes when the event is dealt with. */
    Mono<Void> attempt(Event event) {
        Written its = written.get(event.id());
        if (its == null) {
            complaints.add("unfounded: event " + event.id() + " was not committed");
            return Mono.empty();
        }
        int number = its.attempts.incrementAndGet();
        Mono<Void> outcome = outcome(its, number);
        int millis = isHealed ? 0 : Math.max(paceMillis, its.plan.millis());
        return millis == 0
                ? outcome
                : Mono.delay(java.time.Duration.ofMillis(millis)).then(outcome);
    }

    private Mono<Void> outcome(Written event, int number) {
        return Mono.defer(() -> {
            if (isHealed) {
                return Mono.empty();
            }
            if (number >= attempts) {
                event.diedOnce = true; // if it fails
            }
            if (down || (othersDown && event.key.startsWith("b"))) {
                return Mono.error(new IllegalStateException("down"));
            }
            return fault(event, number);
        });
    }

    private Mono<Void> fault(Written event, int number) {
        boolean fails = number <= event.plan.fails();
        return switch (event.plan.fault()) {
            case PLAIN -> fails ? Mono.error(new IllegalStateException("not now")) : Mono.empty();
            case LATER ->
                fails ? Mono.error(new RetryLaterException(java.time.Duration.ofMillis(700), "later")) : Mono.empty();
            case ODD -> fails ? Mono.defer(this::odd) : Mono.empty();
            case HANG -> number == 1 ? healed.asMono().doOnCancel(this::mayRepeat) : Mono.empty();
            case RELAPSE -> number == 1 ? Mono.empty() : dead(event);
            case DEAD -> dead(event);
        };
    }

    private static Mono<Void> dead(Written event) {
        event.diedOnce = true;
        return Mono.error(new UndeliverableException("never"));
    }

    private Mono<Void> odd() {
        mayRepeat();
        return Mono.error(new Wordless());
    }

    synchronized void delivered(Event event, boolean ordered) {
        delivered.add(new Delivered(event.id(), event.replayed(), ordered, Instant.now()));
    }

    synchronized int count() {
        return delivered.size();
    }

    synchronized boolean hasDelivered(long id) {
        return delivered.stream().anyMatch(one -> one.id() == id);
    }

    /** In their order: those of the handler, or the effects that were committed. */
    List<Delivered> all(TestDatabase database, boolean transactional) {
        if (!transactional) {
            synchronized (this) {
                return List.copyOf(delivered);
            }
        }
        return rows(
                database,
                "select event_id, replayed, at from effect order by number",
                row -> new Delivered(
                        row.getLong(1),
                        row.getBoolean(2),
                        true,
                        row.getObject(3, java.time.OffsetDateTime.class).toInstant()));
    }

    static List<Applied> applied(TestDatabase database) {
        return rows(
                database,
                "select a.name, arguments::text, s.shard, s.shards, applied_at, result::text from outbox.action a"
                        + " join outbox.subscription s on s.name = subscription where applied_at is not null order by a.id",
                row -> new Applied(
                        Action.Name.valueOf(row.getString(1).toUpperCase(java.util.Locale.ROOT)),
                        JsonMapper.shared().readValue(row.getString(2), Arguments.class),
                        row.getInt(3),
                        row.getInt(4),
                        row.getObject(5, java.time.OffsetDateTime.class).toInstant(),
                        JsonMapper.shared().readTree(row.getString(6))));
    }

    Collection<Written> events() {
        return written.values();
    }

    private interface Reading<T> {
        T row(ResultSet row) throws SQLException;
    }

    private static <T> List<T> rows(TestDatabase database, String sql, Reading<T> reading) {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<T> found = new ArrayList<>();
            while (rows.next()) {
                found.add(reading.row(rows));
            }
            return found;
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    /** As outbox.shard says. */
    static final class Shard {

        private Shard() {}

        static int of(String key, int shards) {
            try {
                String named = key.startsWith(TWIN) ? "twin/" + key.substring(TWIN.length()) : "thing/" + key;
                byte[] hash = java.security.MessageDigest.getInstance("SHA-256")
                        .digest(named.getBytes(java.nio.charset.StandardCharsets.UTF_8));
                return 1 + ((hash[0] & 0xff) * 256 + (hash[1] & 0xff)) % shards;
            } catch (java.security.NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** What a handler of somebody else may throw. */
    private static final class Wordless extends RuntimeException {

        @Override
        @SuppressWarnings({"OverrideThrowableToString", "ToStringReturnsNull"
        }) // what is not to be expected of others' code
        public @Nullable String toString() {
            return null;
        }
    }
}
