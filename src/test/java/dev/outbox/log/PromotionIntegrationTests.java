package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.database.TestServer;
import dev.outbox.database.TestStandby;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Mono;

/**
 * A standby that lacks the last of the primary's log is promoted, and gives out the same transaction ids and event ids again. A
 * position that was read from the primary must not be used there, whichever connection it travels by.
 */
@Timeout(180)
class PromotionIntegrationTests {

    @TempDir
    Path first;

    @TempDir
    Path second;

    @Test
    void aPositionOfTheOldPrimaryIsRefusedByThePromotedServerAndNothingIsSkippedThere() throws Exception {
        try (TestServer server = new TestServer(first)) {
            TestDatabase old = server.database().migrated();
            try (TestStandby standby = new TestStandby(server, second)) {
                Side before = new Side(old);
                TestLog.register(old, "reader");
                write(old, 10);
                Checkpoint kept = before.readOn(new Checkpoint("reader", -1, Position.BEGINNING));
                standby.awaitCaughtUp();
                standby.cutOff();
                write(old, 200);
                Checkpoint lost = before.readOn(kept);
                standby.promote();

                Side after = new Side(standby.database());
                write(standby.database(), 50);
                long highest = standby.database().number("select max(id) from outbox.event");
                assertThat(highest).isLessThan(lost.position().high());

                assertThatThrownBy(() -> after.page(lost.position())).isInstanceOf(StalePositionException.class);
                assertThatThrownBy(() -> after.append(lost.next(lost.position())))
                        .isInstanceOf(StalePositionException.class);
                Checkpoint loaded = after.checkpoints.latest("reader").block(Duration.ofSeconds(10));
                assertThat(loaded).isNotNull();
                assertThat(loaded.generation()).isEqualTo(kept.generation());
                assertThat(after.page(loaded.position()).events()).hasSize(50);
                after.append(loaded.next(loaded.position()));

                Position tail = await(after.log.end());
                assertThatThrownBy(() -> lost.position().towards(tail)).isInstanceOf(StalePositionException.class);
                assertThatThrownBy(() -> lost.position().meet(tail)).isInstanceOf(StalePositionException.class);
                assertThatThrownBy(() -> after.rewind(lost.position())).isInstanceOf(StalePositionException.class);
                Position joined = lost.position().on(tail.history()).towards(tail);
                assertThat(after.page(joined).events()).isEmpty();

                Position twin = lost.position().on(null);
                assertThat(after.page(twin).events()).isEmpty();
                after.append(new Checkpoint("reader", loaded.generation() + 2, twin));
                assertThat(before.page(lost.position()).isEmpty()).isTrue();
            }
        }
    }

    /** What the service has of one server. */
    private static final class Side {

        final Database units;
        final EventLog log;
        final Checkpoints checkpoints;
        final Replays replays;

        Side(TestDatabase database) {
            units = new Database(database.pool(2), Duration.ofSeconds(10));
            log = new EventLog(units);
            checkpoints = new Checkpoints(units);
            replays = new Replays(units);
        }

        Checkpoint readOn(Checkpoint last) {
            Checkpoint next = last.next(page(last.position()).after());
            append(next);
            return next;
        }

        Position rewind(Position from) {
            return await(replays.rewind(from, 1));
        }

        Page page(Position from) {
            return await(log.page(from, 1_000, Wanted.ALL, 0));
        }

        void append(Checkpoint checkpoint) {
            await(TestLog.store(units, checkpoint));
        }
    }

    private static void write(TestDatabase database, int count) {
        database.execute("insert into outbox.event (aggregate_type, aggregate_id, type, payload)"
                + " select 'thing', n, 'thing.made', '{}' from generate_series(1, " + count + ") n");
    }

    private static <T> T await(Mono<T> mono) {
        return java.util.Objects.requireNonNull(mono.block(Duration.ofSeconds(10)));
    }
}
