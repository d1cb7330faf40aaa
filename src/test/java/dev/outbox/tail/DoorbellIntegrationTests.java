package dev.outbox.tail;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.AdvisoryLocks;
import dev.outbox.database.TestConnections;
import dev.outbox.relay.Deliveries;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;

/** The sleepers' lock is taken and given back in equal numbers. */
public class DoorbellIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final int TRIES = 200;

    private final TestDatabase database = TestDatabase.fresh();
    private final Listener listener =
            Listener.connect(Listener.connections(TestConnections.to(database))).block(SOON);

    @AfterEach
    void close() {
        listener.close().block(SOON);
    }

    @Test
    void aReaderThatEndsAsleepGivesItsShareBack() {
        Doorbell doorbell = new Doorbell(listener);
        assertThat(doorbell.fallAsleep().block(SOON)).isTrue();
        assertThat(somebodySleeps(database)).isTrue();
        doorbell.close();
        assertThat(somebodySleeps(database)).isFalse();
    }

    @Test
    void aReaderThatIsCancelledWhileItAsksGivesItsShareBack() {
        for (int i = 0; i < TRIES; i++) {
            Doorbell doorbell = new Doorbell(listener);
            Disposable asking = doorbell.fallAsleep().subscribe();
            pause(i);
            asking.dispose();
            doorbell.close();
            Deliveries.await(() -> !somebodySleeps(database), SOON, "the share of try " + i);
        }
    }

    @Test
    void aReaderThatAsksAfterItsEndKeepsNothing() {
        Doorbell doorbell = new Doorbell(listener);
        doorbell.close();
        assertThat(doorbell.fallAsleep().block(SOON)).isFalse();
        assertThat(somebodySleeps(database)).isFalse();
    }

    @Test
    void whatOneReaderGivesBackIsNotAnothers() {
        Doorbell asleep = new Doorbell(listener);
        assertThat(asleep.fallAsleep().block(SOON)).isTrue();
        for (int i = 0; i < TRIES; i++) {
            Doorbell other = new Doorbell(listener);
            Disposable asking = other.fallAsleep().subscribe();
            pause(i);
            asking.dispose();
            other.close();
            other.close();
            other.wakeUp().block(SOON);
        }
        listener.tellOfChange().block(SOON);
        assertThat(somebodySleeps(database)).isTrue();
        asleep.wakeUp().block(SOON);
        Deliveries.await(() -> !somebodySleeps(database), SOON, "the last share");
    }

    /** The twin that knows only what it was told: cancelled, it was told nothing. */
    @Test
    void aReaderThatForgetsWhatItAskedForLeavesItsShareBehind() {
        Disposable asking = listener.tryLockShared(AdvisoryLocks.BELL).subscribe();
        asking.dispose();
        listener.tellOfChange().block(SOON);
        assertThat(somebodySleeps(database)).isTrue();
    }

    private static void pause(int micros) {
        long until = System.nanoTime() + micros * 10_000L;
        while (System.nanoTime() < until) {
            Thread.onSpinWait();
        }
    }

    public static boolean somebodySleeps(TestDatabase database) {
        return database.number(
                        "select count(*) from pg_locks where locktype = 'advisory' and classid = 11311"
                                + " and objid = 1 and database = (select oid from pg_database where datname = current_database())")
                > 0;
    }
}
