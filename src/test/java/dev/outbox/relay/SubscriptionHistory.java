package dev.outbox.relay;

import dev.outbox.Door;
import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.TestConnections;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import dev.outbox.relay.ModelHandler.Setup;
import dev.outbox.relay.SubscriptionModel.Fault;
import dev.outbox.relay.SubscriptionModel.Plan;
import dev.outbox.relay.SubscriptionModel.Written;
import dev.outbox.retention.TestRetention;
import io.r2dbc.pool.ConnectionPool;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A short history of one subscription, drawn by chance: what is written, what fails, what operators ask for, who starts, stops and crashes. The seed
 * says all but what the machine interleaves. It ends well: the handler recovers, an operator tries the dead again, and everything has to settle.
 */
final class SubscriptionHistory {

    /** A stop, or an action, while nothing hangs. The deadline by which they are cut off is 6 s then. */
    private static final Duration AT_ONCE = Duration.ofMillis(3_500);

    /** Between two actions a page is delivered, if one comes so soon. */
    private static final Duration TURN = Duration.ofSeconds(1);

    private static final Duration PATIENT = Duration.ofSeconds(6);
    private static final Duration SETTLED_WITHIN = Duration.ofSeconds(12);
    private static final Duration STARTED_WITHIN = Duration.ofSeconds(20);

    /**
     * What a history is about: its steps are drawn from these letters, each as likely as it is often there.
     *
     * <pre>
     * w write   W write a batch that fails   b a hundred or two   B three thousand   h write what hangs   o write what fails oddly
     * d down for a while   P slow for a while   p pause   r resume   x discard   t retry   R replay   T replay of a type or key
     * s stop and start   c crash and start   v another version   j another instance joins or leaves   . wait
     * N write a batch that fails, with an event in it whose key is parked, and ask for something meanwhile
     * D down with a backlog, and something is asked for or it is stopped meanwhile
     * f write while a type is replayed   q ask in quick succession
     * g go on with the next partition, and let retention empty what it can
     * </pre>
     */
    enum Mood {
        MIXED("wwwwwwWbhoddPprrxtRTTscvj...."),
        NARROW("NNNNNNrrWdxRTtsc."),
        CUT_OFF("wwwwhhhprprRs.."),
        CRASHES("wwwwhhccccRTd.."),
        ORDERS("wwwwwwvvvTTtxs.."),
        UNORDERED("wwwwwwwwTTTTts.."),
        BACKLOG("BBBPPspr.s"),
        CIRCUIT("wwbddDDDDpprrxsj."),
        ODD("wwwwooooprsT.."),
        LONG("wbbbbdRRTTT..ff"),
        MOVES("wwwwwwbhvvvjjjscpppr."),
        TURNS("wtqqqq"),
        KEEPS("wwwwwWWbggggggddtxRTTscvj..");

        private final String steps;

        Mood(String steps) {
            this.steps = steps;
        }
    }

    private final TestDatabase database;
    private final Random random;
    private final Mood mood;
    private final SubscriptionModel model;
    private final List<Instance> instances = new ArrayList<>();
    private final List<String> told = Collections.synchronizedList(new ArrayList<>());
    private final List<String> keys;
    private final boolean mayHang;
    private final long began = System.nanoTime();
    private final Map<String, Long> firstGenerations = new HashMap<>();
    private Setup setup;
    private int turns;
    private Connection sql;

    SubscriptionHistory(TestDatabase database, long seed, @Nullable Mood mood) {
        this.database = database;
        this.random = new Random(seed);
        Mood drawn = Mood.values()[random.nextInt(Mood.values().length)];
        this.mood = mood == null ? drawn : mood;
        this.mayHang = this.mood.steps.contains("h") && random.nextInt(5) > 0;
        this.setup = setup();
        this.keys = keys();
        this.model = new SubscriptionModel(setup.policy().attempts());
    }

    private Setup setup() {
        boolean transactional = switch (mood) {
            case NARROW -> true;
            case ORDERS, UNORDERED, BACKLOG, TURNS -> false;
            case CUT_OFF, CRASHES -> chance(20);
            default -> chance(40);
        };
        int[] hands = mood == Mood.LONG ? new int[] {1, 1, 2} : new int[] {1, 2, 4, 16};
        Duration first = Duration.ofMillis(List.of(20, 100, 300).get(random.nextInt(3)));
        RetryPolicy policy = RetryPolicy.DEFAULT
                .withDelays(
                        first,
                        1 + random.nextDouble(),
                        chance(30) ? Duration.ofMillis(700) : first.multipliedBy(2),
                        0.5)
                .withAttempts(List.of(2, 4, 50, 50).get(random.nextInt(4)))
                .withWhenDead(chance(30) ? RetryPolicy.WhenDead.GO_ON : RetryPolicy.WhenDead.BLOCK_KEY);
        boolean ordered = transactional || (mood != Mood.UNORDERED && (mood != Mood.ORDERS || chance(40)));
        int shards = mood == Mood.MOVES ? 1 + random.nextInt(3) : mood == Mood.TURNS ? 2 : 1;
        return new Setup(
                transactional,
                ordered,
                shards,
                hands[random.nextInt(hands.length)],
                mayHang || mood == Mood.NARROW ? Duration.ofMillis(600) : PATIENT,
                policy);
    }

    /** In an order by chance; those of ORDERS and UNORDERED are ids of events that are still to come. */
    private List<String> keys() {
        List<String> all = new ArrayList<>();
        int count = 1 + random.nextInt(5);
        for (int i = 0; i < count; i++) {
            String key =
                    mood == Mood.ORDERS || mood == Mood.UNORDERED ? Integer.toString(4 + random.nextInt(30)) : "k" + i;
            all.add(key);
            if (chance(40)) {
                all.add(SubscriptionModel.TWIN + key);
            }
        }
        return all;
    }

    /** One instance of the service. */
    private final class Instance {

        final Door door = new Door(database);
        final ModelHandler handler = new ModelHandler(model, setup);
        final TestRelay relay = TestRelay.through(
                TestConnections.to(door.to(database)), setup.stopWithin(), handler.handlers(), handler.transactional());

        void stop() {
            Duration took = relay.timedStop();
            if (setup.stopWithin().equals(PATIENT) && took.compareTo(AT_ONCE) > 0) {
                complain("slow: a stop took " + took.toMillis() + " ms");
            }
            relay.close();
            door.close();
        }

        void crash() {
            handler.crash();
            model.mayRepeat();
            relay.crash(door);
        }
    }

    /** What was wrong; empty if nothing was. */
    List<String> run() {
        reset();
        try (Connection its = database.connect()) {
            sql = its;
            start();
            int steps = mood == Mood.NARROW ? 1 + random.nextInt(3) : 4 + random.nextInt(14);
            for (int i = 0; i < steps; i++) {
                step(mood.steps.charAt(random.nextInt(mood.steps.length())));
            }
            settle();
            if (isSettled()) {
                judge();
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        } finally {
            instances.forEach(instance -> {
                instance.relay.close();
                instance.door.close();
            });
        }
        return model.complaints;
    }

    String told() {
        return mood + " " + setup + " " + told;
    }

    private void reset() {
        database.execute(
                "truncate outbox.action, outbox.parked, outbox.checkpoint, outbox.subscription, outbox.event, effect"
                        + " restart identity");
        if (mood == Mood.KEEPS) {
            database.execute("select setval('outbox.event_id_seq', 10000000)"); // behind the ids of the first partition
        }
    }

    private void step(char step) {
        if (step != '.') {
            told.add(millis() + " " + step);
        }
        switch (step) {
            case 'w' -> write(1 + random.nextInt(6), this::plan);
            case 'W' ->
                write(8 + random.nextInt(20), () -> new Plan(Fault.PLAIN, random.nextInt(12), 5 + random.nextInt(20)));
            case 'b' -> burst();
            case 'B' -> backlog();
            case 'h' -> write(1, () -> mayHang ? new Plan(Fault.HANG, 1, 0) : Plan.NONE);
            case 'o' -> write(1 + random.nextInt(2), () -> new Plan(Fault.ODD, 1 + random.nextInt(3), 0));
            case 'd' -> down();
            case 'P' -> model.paceMillis = 10 + random.nextInt(150);
            case 'p' -> ask(Action.Name.PAUSE, Arguments.NONE);
            case 'r' -> ask(Action.Name.RESUME, Arguments.NONE);
            case 'x' -> ask(Action.Name.DISCARD, some(null));
            case 't' -> ask(Action.Name.RETRY, some(null));
            case 'R' -> ask(Action.Name.REPLAY, new Arguments(from(), null, null, null, rate(), null));
            case 'T' -> ask(Action.Name.REPLAY, some(rate()));
            case 's' -> restart(Instance::stop, setup);
            case 'c' -> restart(Instance::crash, setup);
            case 'v' -> restart(Instance::stop, version());
            case 'j' -> joinOrLeave();
            case 'N' -> narrow();
            case 'D' -> downWithABacklog();
            case 'f' -> writeWhileATypeIsReplayed();
            case 'q' -> askInQuickSuccession();
            case 'g' -> retain();
            default -> pause(random.nextInt(300));
        }
        if (chance(60)) {
            pause(random.nextInt(80));
        }
    }

    /** Behind all that is asked for, so that it is known what a replay finds. */
    private void retain() {
        if (!within(
                Duration.ofSeconds(2),
                () -> number("select count(*) from outbox.action where applied_at is null") == 0)) {
            return;
        }
        value("select setval('outbox.event_id_seq', (last_value + 999) / 1000 * 1000 + 1) from outbox.event_id_seq");
        ConnectionPool pool = database.pool(2);
        try {
            Mono<Boolean> round = TestRetention.round(new Database(pool, STARTED_WITHIN));
            for (int i = 0; i < 3; i++) {
                round.block(STARTED_WITHIN);
            }
        } finally {
            pool.disposeLater().block(STARTED_WITHIN);
        }
        List<String> there = List.of(value("select coalesce(string_agg(id::text, ','), '') from outbox.event")
                .split(",", -1));
        List<Written> gone = model.events().stream()
                .filter(event -> event.goneAt == null && !there.contains(Long.toString(event.id)))
                .toList();
        gone.forEach(event -> event.goneAt = Instant.now());
        told.add(gone.size() + " gone, " + value("select count(occurred_at) from outbox.parked") + " kept");
    }

    private Plan plan() {
        int fails = chance(60) ? 0 : 1 + random.nextInt(3);
        Fault fault = chance(12) ? Fault.DEAD : chance(12) ? Fault.RELAPSE : chance(30) ? Fault.LATER : Fault.PLAIN;
        return new Plan(fault, fails, chance(20) ? random.nextInt(60) : 0);
    }

    /**
     * While a key is parked, a batch with a later event of it comes and fails: others are down, so that the circuit opens and probes go, or are bad.
     * Meanwhile an operator discards the key, or pauses and has all of it again, slowly.
     */
    private void narrow() {
        boolean down = chance(35);
        boolean pauses = !down && chance(50);
        if (pauses) {
            write(20, () -> Plan.NONE, "'c' || n");
        }
        String key = keys.get(random.nextInt(keys.size()));
        int fails = down || pauses ? 1 : 1 + random.nextInt(4);
        write(1, () -> new Plan(chance(50) ? Fault.LATER : Fault.PLAIN, fails, 0), "'" + key + "'");
        awaitAttemptOf(model.written.size());
        model.othersDown = down;
        int size = down ? 22 + random.nextInt(8) : 4 + random.nextInt(20);
        int place = size - random.nextInt(down ? 5 : size);
        write(
                size,
                () -> new Plan(Fault.PLAIN, down ? 0 : random.nextInt(10), random.nextInt(8)),
                "case n when " + place + " then '" + key + "' else 'b' || n end");
        awaitAttemptOf(model.written.size() - size + 1);
        pause(down ? 3_000 + random.nextInt(3_000) : random.nextInt(60));
        if (pauses) {
            ask(Action.Name.PAUSE, Arguments.NONE, true);
            ask(Action.Name.REPLAY, new Arguments("1", null, null, null, 20 + random.nextInt(10), null), false);
            ask(Action.Name.RESUME, Arguments.NONE, true);
            pause(1_000);
        } else if (!down || chance(30)) {
            ask(Action.Name.DISCARD, of(key, null, null, null), true);
        }
        model.othersDown = false;
    }

    /** Or for a while, should nothing be delivered. */
    private void awaitAttemptOf(long id) {
        within(Duration.ofSeconds(1), () -> model.written.get(id).attempts.get() > 0);
    }

    /** Behind one that fails, of one key or of many. */
    private void burst() {
        boolean one = chance(60);
        write(1, () -> new Plan(Fault.PLAIN, 1 + random.nextInt(3), 0));
        int size = 100 + random.nextInt(150);
        String key = keys.get(0);
        write(size, () -> Plan.NONE, one ? "'" + key + "'" : "'b' || n % 50");
    }

    /** With one hand it has to be shared. */
    private void writeWhileATypeIsReplayed() {
        if (setup.transactional() || setup.concurrency() > 1) {
            return;
        }
        write(300, () -> Plan.NONE, "'b' || n");
        ask(Action.Name.RETRY, Arguments.NONE, true);
        ask(Action.Name.RESUME, Arguments.NONE, true);
        if (!within(SETTLED_WITHIN, this::isSettled)) {
            return; // an event may be dead
        }
        model.paceMillis = 10;
        ask(Action.Name.REPLAY, new Arguments(null, null, null, "type-0", null, null), true);
        int before = model.count();
        write(1, () -> Plan.NONE, "'f" + model.written.size() + "'");
        long id = model.written.size();
        if (within(SETTLED_WITHIN, () -> model.hasDelivered(id)) && model.count() - before > 110) {
            complain("share: " + (model.count() - before) + " replayed ones came before a new one");
        }
        model.paceMillis = 0;
    }

    private void askInQuickSuccession() {
        for (int i = 0; i < 10; i++) {
            ask(Action.Name.RETRY, Arguments.NONE, false);
            LockSupport.parkNanos(random.nextInt(20_000_000));
            ask(Action.Name.RETRY, Arguments.NONE, true);
        }
    }

    private void backlog() {
        model.paceMillis = Math.max(model.paceMillis, 30 + random.nextInt(150));
        write(3_000, () -> Plan.NONE, "'b' || n");
    }

    private void down() {
        model.down = true;
        pause(100 + random.nextInt(900));
        if (chance(50)) {
            ask(chance(50) ? Action.Name.PAUSE : Action.Name.DISCARD, some(null));
        }
        model.down = false;
    }

    /** Of several pages, so that one waits behind the other. */
    private void downWithABacklog() {
        model.down = true;
        write(2_500, () -> Plan.NONE, "'b' || n");
        pause(300 + random.nextInt(700));
        switch (random.nextInt(3)) {
            case 0 -> ask(Action.Name.PAUSE, Arguments.NONE, true);
            case 1 -> ask(Action.Name.DISCARD, Arguments.NONE, true);
            default -> restart(Instance::stop, setup);
        }
        model.down = false;
    }

    private interface Plans {
        Plan next();
    }

    private void write(int count, Plans plans) {
        StringBuilder each = new StringBuilder("(array[");
        for (int i = 0; i < count; i++) {
            boolean other = count > 7 && chance(70);
            each.append(i == 0 ? "" : ",")
                    .append('\'')
                    .append(other ? "b" + random.nextInt(20) : keys.get(random.nextInt(keys.size())))
                    .append('\'');
        }
        write(count, plans, each.append("])[n]").toString());
    }

    /** The model knows them before anybody else can. */
    private void write(int count, Plans plans, String key) {
        try {
            sql.setAutoCommit(false);
            try (PreparedStatement insert =
                    sql.prepareStatement("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                            + " select case when key like '" + SubscriptionModel.TWIN
                            + "%' then 'twin' else 'thing' end, replace(key, '" + SubscriptionModel.TWIN
                            + "', ''), 'type-' || n % 2, '{}' from generate_series(1, ?) n, lateral (select " + key
                            + " as key) k"
                            + " returning id, case aggregate_type when 'twin' then '" + SubscriptionModel.TWIN
                            + "' else '' end || aggregate_id, type")) {
                insert.setInt(1, count);
                try (ResultSet rows = insert.executeQuery()) {
                    while (rows.next()) {
                        Written event =
                                new Written(rows.getLong(1), rows.getString(2), rows.getString(3), plans.next());
                        model.written.put(event.id, event);
                    }
                }
            }
            sql.commit();
            sql.setAutoCommit(true);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private Arguments some(@Nullable Integer rate) {
        String key = chance(70) ? keys.get(random.nextInt(keys.size())) : null;
        boolean ofType = key == null || chance(20);
        boolean all = rate == null && chance(20);
        String type = ofType ? "type-" + random.nextInt(2) : null;
        String from = chance(30) ? from() : null;
        return all ? Arguments.NONE : of(key, from, type, rate);
    }

    /** A key that is another's twin has its id and is another kind of thing. */
    private static Arguments of(
            @Nullable String key, @Nullable String from, @Nullable String type, @Nullable Integer rate) {
        if (key == null) {
            return new Arguments(from, null, null, type, rate, null);
        }
        boolean twin = key.startsWith(SubscriptionModel.TWIN);
        return new Arguments(
                from,
                twin ? "twin" : "thing",
                twin ? key.substring(SubscriptionModel.TWIN.length()) : key,
                type,
                rate,
                null);
    }

    private @Nullable String from() {
        int part = random.nextInt(100);
        List<Long> ids = List.copyOf(model.written.keySet());
        return part < 30 || ids.isEmpty() ? null : Long.toString(ids.get(ids.size() * part / 100));
    }

    /** So that everything that is there comes within 2 s. */
    private @Nullable Integer rate() {
        int rate = 20 + random.nextInt(200) + model.written.size() / 2;
        return chance(50) ? null : Integer.valueOf(rate);
    }

    /** Of all shards, and waits for it or not. */
    private void ask(Action.Name name, Arguments wanted) {
        boolean waits = chance(70);
        Arguments arguments = switch (name) {
            case PAUSE, RESUME -> Arguments.NONE;
            case REPLAY -> wanted.equals(Arguments.NONE) ? new Arguments("1", null, null, null, null, null) : wanted;
            default -> new Arguments(null, chance(80) ? wanted.aggregateType() : null, wanted.key(), null, null, null);
        };
        told.add(name + " " + arguments);
        ask(name, arguments, waits);
    }

    private void ask(Action.Name name, Arguments arguments, boolean waits) {
        long asked = System.nanoTime();
        long waiting = number("select count(*) from outbox.action where applied_at is null");
        List<Long> ids = new ArrayList<>();
        List<String> names = setup.names();
        boolean ofOne = names.size() > 1 && !model.isHealed && chance(40);
        for (String subscription : ofOne ? names.subList(0, 1) : names) {
            ids.add(instances.get(0).relay.ask(subscription, name, arguments));
        }
        turns += ids.size() * 2;
        if (!waits) {
            return;
        }
        for (long id : ids) {
            if (!within(
                    STARTED_WITHIN,
                    () -> number("select count(applied_at) from outbox.action where id = " + id) == 1)) {
                complain("stuck: " + name + " was not applied");
                return;
            }
        }
        Duration took = Duration.ofNanos(System.nanoTime() - asked);
        if (setup.stopWithin().equals(PATIENT) && took.compareTo(AT_ONCE.plus(TURN.multipliedBy(waiting))) > 0) {
            complain("slow: " + name + " took " + took.toMillis() + " ms");
        }
    }

    private interface Ending {
        void end(Instance instance);
    }

    private void restart(Ending ending, Setup next) {
        instances.forEach(ending::end);
        instances.clear();
        if (setup.shards() > 1 && next.shards() != setup.shards()) {
            model.mayRepeat();
        }
        setup = next;
        if (chance(50)) {
            write(1 + random.nextInt(4), this::plan);
        }
        start();
    }

    /** A transactional handler cannot always go back to fewer shards. */
    private Setup version() {
        int shards = 1 + random.nextInt(3);
        boolean ordered = setup.transactional() || (mood == Mood.ORDERS ? !setup.ordered() : setup.ordered());
        boolean stays = mood == Mood.ORDERS || (setup.transactional() && setup.shards() > 1);
        return setup.version(ordered, stays ? setup.shards() : shards);
    }

    private void start() {
        instances.add(new Instance());
        turns += setup.shards() * 3;
        String names = "'" + String.join("', '", setup.names()) + "'";
        if (!within(
                STARTED_WITHIN,
                () -> number(
                                "select count(distinct instance || subscription) from outbox.checkpoint where subscription in ("
                                        + names + ") and instance = '"
                                        + instances.get(0).relay.relay.instance() + "'")
                        == setup.shards())) {
            complain("stuck: it did not begin");
        }
        setup.names()
                .forEach(name -> firstGenerations.computeIfAbsent(
                        name,
                        first -> number(
                                "select coalesce(min(generation), 0) from outbox.checkpoint where subscription = '"
                                        + name + "'")));
    }

    private void joinOrLeave() {
        if (instances.size() == 1) {
            instances.add(new Instance());
        } else {
            instances.remove(random.nextInt(2)).stop();
        }
        turns += setup.shards() * 6;
    }

    private void settle() {
        boolean pausedFirst = chance(20);
        if (pausedFirst) {
            restart(Instance::stop, setup);
        }
        told.add(millis() + " heal");
        model.heal();
        if (mood == Mood.UNORDERED
                && !within(
                        SETTLED_WITHIN,
                        () -> number("select count(*) from outbox.parked where state <> 'dead'") == 0)) {
            complain("stuck: without order, behind others: " + parked());
        }
        ask(Action.Name.RETRY, Arguments.NONE, true);
        ask(Action.Name.RESUME, Arguments.NONE, true);
        long from = System.nanoTime();
        if (!within(SETTLED_WITHIN, this::isSettled)) {
            complain("stuck: " + left() + parked());
        }
        told.add("settled after " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - from) + " ms");
    }

    private boolean isSettled() {
        return left().equals("0 parked, 0 asked, 0 replays, 0 behind");
    }

    private String left() {
        return value("select (select count(*) from outbox.parked) || ' parked, '"
                + " || (select count(*) from outbox.action where applied_at is null) || ' asked, '"
                + " || (select count(*) from outbox.subscription where retired_at is null and replayed_through > 0) || ' replays, '"
                + " || greatest(0, (select coalesce(max(id), 0) from outbox.event) - (select coalesce(min(reached), 0) from ("
                + " select (select greatest(high, last) from outbox.checkpoint where subscription = name order by generation desc limit 1) as reached"
                + " from outbox.subscription where retired_at is null) s)) || ' behind'");
    }

    /** The first few that are parked. */
    private String parked() {
        return value("select coalesce(string_agg(concat_ws(' ', ';', event_id, key, state, attempts,"
                + " round(extract(epoch from next_attempt_at - clock_timestamp()), 1), error), '' order by event_id), '')"
                + " from (select * from outbox.parked order by event_id limit 8) p");
    }

    private void judge() {
        long generations = firstGenerations.keySet().stream()
                .mapToLong(name ->
                        number("select coalesce(max(generation), 0) from outbox.checkpoint where subscription = '"
                                        + name + "'")
                                - firstGenerations.get(name))
                .sum();
        long most = 30 + 3L * turns + 10L * model.mayRepeatFrom.size() + millis() * setup.shards() / 150;
        if (!setup.transactional() && generations > most) {
            complain("claims: " + generations + " generations in " + millis() + " ms, for " + turns + " turns");
        }
        new SubscriptionOracle(
                        model,
                        setup.transactional(),
                        setup.policy().whenDead() == RetryPolicy.WhenDead.GO_ON,
                        model.all(database, setup.transactional()),
                        SubscriptionModel.applied(database))
                .complaints()
                .forEach(this::complain);
    }

    /** What was asked, and what came of it, in the order in which it took effect. */
    String actions() {
        return database.value(
                "select coalesce(string_agg(to_char(applied_at, 'SS.MS ') || name || ' ' || arguments || ' -> ' || left(result::text, 150), E'\\n      ' order by applied_at), '')"
                        + " from outbox.action");
    }

    private void complain(String complaint) {
        if (!model.complaints.contains(complaint)) {
            model.complaints.add(complaint);
        }
    }

    private String value(String query) {
        try (Statement statement = sql.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getString(1);
        } catch (SQLException e) {
            throw new IllegalStateException(query, e);
        }
    }

    private long number(String query) {
        return Long.parseLong(value(query));
    }

    private static boolean within(Duration atMost, java.util.function.BooleanSupplier condition) {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            pause(10);
        }
        return true;
    }

    private long millis() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private static void pause(int millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
