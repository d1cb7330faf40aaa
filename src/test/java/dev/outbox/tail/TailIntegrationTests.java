package dev.outbox.tail;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.TestConnections;
import dev.outbox.handler.Event;
import dev.outbox.log.EventLog;
import dev.outbox.log.LogModel;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import dev.outbox.log.TestLog;
import dev.outbox.log.Wanted;
import dev.outbox.relay.Deliveries;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Subscriptions come to the tail, follow it, are dropped and come again, and see each event once. */
class TailIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final TestDatabase database = TestDatabase.fresh();
    private final Database units = new Database(database.pool(8), Duration.ofSeconds(20));
    private final Listener listener = requireNonNull(
            Listener.connect(Listener.connections(TestConnections.to(database))).block(SOON));
    private final List<Disposable> running = new ArrayList<>();

    @AfterEach
    void end() {
        running.forEach(Disposable::dispose);
        listener.close().block(SOON);
    }

    /** Little room and slow readers, so that followers are dropped again and again; looks take their time. */
    @Test
    void nothingIsLostNothingComesTwiceAndKeysKeepTheirOrder() throws Exception {
        Random dice = new Random(seed);
        AtomicInteger joins = new AtomicInteger();
        Tail tail = tail(100, 150, page -> {
            joins.addAndGet(!page.before().isTail() && page.before().reach() == 0 ? 1 : 0);
            return dice.nextInt(4) == 0 ? Mono.delay(Duration.ofMillis(dice.nextInt(12))) : Mono.empty();
        });
        Map<Integer, Reading> readers = new ConcurrentHashMap<>();
        LogModel.Reading reading =
                (from, reader) -> readers.compute(reader, (number, before) -> Reading.at(from, before, tail))
                        .next();
        List<LogModel.Verdict> verdicts =
                new LogModel(database, seed, 8_000).run(reading, (reader, position) -> position, 1, 2, 3, 4, 5, 6);
        System.out.println("shared tail: seed " + seed + ", joined " + joins + " times, " + verdicts);
        assertThat(verdicts).allMatch(LogModel.Verdict::isClean);
        assertThat(verdicts.get(0).events()).isGreaterThan(1_000);
        assertThat(joins).hasValueGreaterThan(5);
    }

    /** Sharp: the tail has looked and has not said so yet; a newer event is read by a subscription that comes just then. */
    @Test
    void aLookThatBeganBeforeASubscriptionCameDoesNotCount() {
        assertThat(keysWhenALookIsHeld(100, "a")).containsExactly("first", "a", "newer", "last");
    }

    /** Sharp: the same while the tail reads a window, whose end is older than what the subscription has read. */
    @Test
    void theEndOfAWindowDoesNotCount() {
        assertThat(keysWhenALookIsHeld(2, "a", "b", "c")).containsExactly("first", "a", "b", "c", "newer", "last");
    }

    private List<String> keysWhenALookIsHeld(int limit, String... keys) {
        Sinks.Empty<Void> looked = Sinks.empty();
        Sinks.Empty<Void> told = Sinks.empty();
        AtomicBoolean held = new AtomicBoolean();
        Tail tail = tail(limit, 100, page -> {
            boolean looks = page.before().isTail()
                    && page.events().stream().anyMatch(event -> event.key().equals("a"));
            return looks && !held.getAndSet(true)
                    ? Mono.fromRunnable(looked::tryEmitEmpty).then(told.asMono())
                    : Mono.empty();
        });
        Reading follower = Reading.at(Position.BEGINNING, null, tail);
        insert("first");
        assertThat(follower.keys(1)).containsExactly("first");
        Deliveries.await(() -> DoorbellIntegrationTests.somebodySleeps(database), SOON, "the tail to be there");
        insert(keys);
        looked.asMono().block(SOON);
        insert("newer");
        Reading comes = Reading.at(Position.BEGINNING, null, tail);
        List<String> read = comes.keys(keys.length + 2);
        assertThat(comes.next().events()).isEmpty();
        told.tryEmitEmpty();
        List<String> followed = follower.keys(keys.length + 1);
        insert("last");
        followed.addAll(follower.keys(1));
        read.addAll(comes.keys(1));
        assertThat(followed).doesNotHaveDuplicates().hasSize(keys.length + 2);
        return read;
    }

    @Test
    void eachGetsWhatItWants() {
        Tail tail = tail(100, 100, page -> Mono.empty());
        Reading all = Reading.at(Position.BEGINNING, null, tail);
        Reading some = new Reading(Position.BEGINNING);
        tail.pages(Position.BEGINNING, new Wanted(Set.of("made"), 2, 3)).subscribe(some);
        insert("a", "b", "c", "d", "e", "f", "g", "h");
        List<String> keys = all.keys(8);
        insert("i", "j", "k", "l", "m", "n", "o", "p");
        keys.addAll(all.keys(8));
        List<String> expected = keys.stream()
                .filter(key -> database.number("select outbox.shard('thing', '" + key + "', 3)") == 2)
                .toList();
        assertThat(some.keys(expected.size())).isEqualTo(expected).isNotEmpty();
    }

    /** It has the sleepers' lock by then: it gives that back and falls asleep anew, behind a new barrier. */
    @Test
    void aFailureWhileItFallsAsleepLeavesNothingBehind() {
        AtomicInteger draws = new AtomicInteger();
        Tail tail = run(TestLog.failingToDraw(units, draws), 100, 100);
        Reading reading = Reading.at(Position.BEGINNING, null, tail);
        assertThat(reading.next().events()).isEmpty();
        Deliveries.await(() -> draws.get() == 2, SOON, "another barrier");
        insert("heard");
        assertThat(reading.keys(1)).containsExactly("heard");
        reading.cancel();
        insert("heard by nobody");
        Deliveries.await(() -> !DoorbellIntegrationTests.somebodySleeps(database), SOON, "the last share");
    }

    /** The server gives each try up in the end; the reading does not end, which would repeat what is in flight. */
    @Test
    void aPageForWhichALockLeavesNoTimeIsReadAgain() throws Exception {
        database.execute("alter database " + database.name() + " set statement_timeout = '300ms'");
        Tail tail = run(TestLog.eventLog(new Database(database.pool(4), SOON)), 100, 100);
        try (Connection holder = database.connect();
                Statement statement = holder.createStatement()) {
            insert("locked");
            holder.setAutoCommit(false);
            statement.execute("lock table outbox.event_0 in access exclusive mode");
            Reading reading = Reading.at(Position.BEGINNING, null, tail);
            for (int tries = 0; tries < 2; tries++) {
                Deliveries.await(() -> waiting() > 0, SOON, "a try");
                Deliveries.await(() -> waiting() == 0, SOON, "its end");
            }
            holder.commit();
            assertThat(reading.keys(1)).containsExactly("locked");
        }
    }

    private long waiting() {
        return database.number(
                "select count(*) from pg_locks where relation = 'outbox.event_0'::regclass and not granted");
    }

    private Tail tail(int limit, int room, Function<Page, Mono<?>> gate) {
        return run(TestLog.heldBack(units, gate), limit, room);
    }

    private Tail run(EventLog log, int limit, int room) {
        Tail tail = new Tail(log, new Doorbell(listener), Duration.ofSeconds(60), limit, room);
        running.add(tail.run().subscribe());
        return tail;
    }

    private void insert(String... keys) {
        database.execute(
                "insert into outbox.event (aggregate_type, aggregate_id, type, payload) select 'thing', key, 'made', '{}'"
                        + " from unnest(array['" + String.join("','", keys)
                        + "']) with ordinality k (key, n) order by n");
    }

    /** A subscription that asks for one page at a time. */
    private static final class Reading extends BaseSubscriber<Page> {

        private final BlockingQueue<Page> pages = new LinkedBlockingQueue<>();
        private Position position;

        Reading(Position position) {
            this.position = position;
        }

        /** The same again if it stands there. */
        static Reading at(Position from, @Nullable Reading before, Tail tail) {
            if (before != null && before.position.equals(from)) {
                return before;
            }
            if (before != null) {
                before.cancel();
            }
            Reading reading = new Reading(from);
            tail.pages(from, Wanted.ALL).subscribe(reading);
            return reading;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            request(1);
        }

        @Override
        protected void hookOnNext(Page page) {
            pages.add(page);
        }

        /** Empty if nothing comes for a while. */
        Page next() {
            try {
                Page page = pages.poll(700, TimeUnit.MILLISECONDS);
                if (page == null) {
                    return new Page(List.of(), 0, true, position, position);
                }
                position = page.after();
                request(1);
                return page;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        /** So many keys, and those that come with them. */
        List<String> keys(int count) {
            List<String> keys = new ArrayList<>();
            long deadline = System.nanoTime() + SOON.toNanos();
            while (keys.size() < count && System.nanoTime() < deadline) {
                keys.addAll(next().events().stream().map(Event::key).toList());
            }
            return keys;
        }
    }
}
