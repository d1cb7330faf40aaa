package dev.outbox.log;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Orders 1, 2 and 3 are events 1, 2 and 3. */
class ReplaysIntegrationTests {

    private final TestDatabase database = TestDatabase.fresh();
    private final Database units = new Database(database.pool(2), Duration.ofSeconds(5));
    private final EventLog log = new EventLog(units);
    private final Replays replays = new Replays(units);

    @Test
    void aReplayBeginsWhereItIsAskedTo() {
        database.execute("update orders set status = 'shipped' where id in (1, 2, 3)");
        Position tail = page(Position.BEGINNING, 100).after();
        assertThat(ids(await(replays.rewind(tail, 2)))).containsExactly(2L, 3L);
        assertThat(ids(await(replays.rewind(tail, 1)))).containsExactly(1L, 2L, 3L);
        assertThat(ids(await(replays.rewind(tail, 99)))).isEmpty();
    }

    /** Event 1 is written first, and committed when event 2 was done. */
    @Test
    void aReplayLosesNoLateEventAndOneThatTakesTheIdAsItIsIsCaught() throws Exception {
        try (Connection late = database.connect();
                Statement sql = late.createStatement()) {
            sql.execute("begin; update orders set status = 'shipped' where id = 1; set constraints all immediate");
            database.execute("update orders set status = 'shipped' where id = 2");
            Position tail = page(Position.BEGINNING, 100).after();
            sql.execute("commit");

            Position replay = await(replays.rewind(tail, 2));
            assertThat(ids(replay)).containsExactly(1L, 2L);
            Position twin = Position.replay(requireNonNull(replay.target()), 2);
            assertThat(ids(twin)).as("the twin loses event 1").containsExactly(2L);
        }
    }

    /** The writer of event 1 is still at it when the replay begins, and when the next one does in the middle of that. */
    @Test
    void aLateEventComesWhicheverReplayIsUnderWay() throws Exception {
        try (Connection late = database.connect();
                Statement sql = late.createStatement()) {
            sql.execute("begin; update orders set status = 'shipped' where id = 1; set constraints all immediate");
            database.execute("update orders set status = 'shipped' where id in (2, 3, 4)");
            Position tail = page(Position.BEGINNING, 100).after();
            Position inReplay = page(await(replays.rewind(tail, 2)), 2).after();
            assertThat(inReplay.target()).isNotNull();
            sql.execute("commit");

            assertThat(ids(inReplay)).containsExactly(4L, 1L);
            assertThat(ids(await(replays.rewind(inReplay, 4)))).containsExactly(1L, 2L, 3L, 4L);
        }
    }

    @Test
    void aReplayBeginsAtATime() {
        database.execute("insert into outbox.event (occurred_at, aggregate_type, aggregate_id, type, payload)"
                + " select '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', 'thing', n, 'thing.made', '{}'"
                + " from generate_series(1, 500) n");
        assertThat(await(replays.start(from("2026-01-01T00:00:00Z")))).isEqualTo(1);
        assertThat(await(replays.start(from("2026-01-01T02:00:00Z")))).isEqualTo(120);
        assertThat(await(replays.start(from("2026-01-01T02:00:01Z")))).isEqualTo(121);
        assertThat(await(replays.start(from("2026-01-02T00:00:00Z")))).isEqualTo(501);
    }

    @Test
    void whatIsDoneIsCountedByKeyAndType() {
        database.execute("update orders set status = 'shipped' where id in (1, 2, 3)");
        Position tail = page(Position.BEGINNING, 100).after();
        database.execute("update orders set status = 'canceled' where id = 4");
        assertThat(await(replays.count(tail, Wanted.ALL, Arguments.NONE, 1, 10)))
                .isEqualTo(3);
        assertThat(await(replays.count(tail, Wanted.ALL, Arguments.NONE, 3, 10)))
                .isEqualTo(1);
        Arguments key = new Arguments(null, null, "2", null, null, null);
        assertThat(await(replays.count(tail, new Wanted(Set.of("order.shipped"), 1, 1), key, 1, 10)))
                .isEqualTo(1);
        Arguments type = new Arguments(null, null, null, "order.canceled", null, null);
        assertThat(await(replays.count(tail, Wanted.ALL, type, 1, 10))).isZero();
    }

    @Test
    void aShardCountsItsOwn() {
        database.execute("update orders set status = 'shipped' where id between 1 and 20");
        Position tail = page(Position.BEGINNING, 100).after();
        Arguments type = new Arguments(null, null, null, "order.shipped", null, null);
        List<Long> ofAll = new ArrayList<>();
        List<Long> ofKey = new ArrayList<>();
        for (int shard = 1; shard <= 3; shard++) {
            Wanted wanted = new Wanted(Set.of(), shard, 3);
            long own = database.number(
                    "select count(*) from outbox.event where outbox.shard(aggregate_type, aggregate_id, 3) = " + shard);
            assertThat(own).isPositive();
            assertThat(await(replays.count(tail, wanted, type, 1, 100))).isEqualTo(own);
            ofAll.add(await(replays.count(tail, wanted, Arguments.NONE, 1, 100)));
            ofKey.add(await(replays.count(tail, wanted, new Arguments(null, null, "7", null, null, null), 1, 100)));
        }
        assertThat(ofAll.stream().mapToLong(Long::longValue).sum()).isEqualTo(20);
        assertThat(ofKey).containsExactlyInAnyOrder(0L, 0L, 1L);
    }

    /** Somebody holds a lock on the log for longer. */
    @Test
    void countingEndsInTimeAndSaysWhatWouldHelp() throws Exception {
        database.execute("update orders set status = 'shipped' where id in (1, 2, 3)");
        Position tail = page(Position.BEGINNING, 100).after();
        Replays impatient = new Replays(units, Duration.ofMillis(200));
        Arguments key = new Arguments(null, null, "2", null, null, null);
        try (Connection other = database.connect();
                Statement sql = other.createStatement()) {
            sql.execute("begin; lock table outbox.event in access exclusive mode");
            assertThatThrownBy(() -> await(impatient.count(tail, Wanted.ALL, key, 1, 10)))
                    .isInstanceOf(TooLongToCountException.class)
                    .hasMessageContaining("begin later");
        }
        assertThat(await(impatient.count(tail, Wanted.ALL, key, 1, 10))).isEqualTo(1);
    }

    private static Arguments from(String from) {
        return new Arguments(from, null, null, null, null, null);
    }

    private List<Long> ids(Position position) {
        List<Long> ids = new ArrayList<>();
        for (Page page = page(position, 2); !page.isEmpty(); page = page(page.after(), 2)) {
            page.events().forEach(event -> ids.add(event.id()));
        }
        return ids;
    }

    private Page page(Position from, int limit) {
        return await(log.page(from, limit, Wanted.ALL, 0));
    }

    private static <T> T await(Mono<T> mono) {
        return requireNonNull(mono.block(Duration.ofSeconds(5)));
    }
}
