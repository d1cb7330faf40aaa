package dev.outbox.faults;

import dev.outbox.Door;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The network between the service and PostgreSQL: a proxy stands there. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class NetworkFaultTests {

    private static final long NOTICED_WITHIN = 5_000;
    private static final long RECOVERED_WITHIN = 10_000;

    @Test
    void connectionsAreReset() throws Exception {
        try (Rig rig = new Rig(8, "proxy: reset, half-close");
                Door door = new Door(rig.database)) {
            begin(rig, door);
            for (int i = Lane.times(10, 200); i > 0; i--) {
                rig.pause(50, 500);
                rig.inject();
                switch (rig.dice.nextInt(6)) {
                    case 0 -> door.reset();
                    case 1 -> door.halfClose(Door.Way.REQUESTS);
                    case 2 -> door.halfClose(Door.Way.ANSWERS);
                    default -> door.resetOne(rig.dice);
                }
            }
            rig.times.add(rig.awaitProgress(Rig.SOON));
            settle(rig, "ms to recover");
        }
    }

    /** Each way and both; the time is until the service gives up its listener's connection. */
    @Test
    void nothingGoesThrough() throws Exception {
        try (Rig rig = new Rig(9, "proxy: blackhole 10–60 s");
                Door door = new Door(rig.database)) {
            begin(rig, door);
            List<List<Door.Way>> ways = List.of(
                    List.of(Door.Way.REQUESTS),
                    List.of(Door.Way.ANSWERS),
                    List.of(Door.Way.REQUESTS, Door.Way.ANSWERS));
            for (int i = 0; i < Lane.times(1, 60); i++) {
                rig.pause(500, 1_500);
                rig.inject();
                long until =
                        System.nanoTime() + TimeUnit.SECONDS.toNanos(10 + (Lane.isLong() ? rig.dice.nextInt(50) : 0));
                ways.get((i + 2) % 3).forEach(door::hold);
                rig.times.add(door.awaitGivenUp("outbox listener", Duration.ofSeconds(30))
                        .toMillis());
                LockSupport.parkNanos(until - System.nanoTime());
                door.release();
                long recovered = rig.awaitProgress(Rig.SOON);
                rig.require(recovered <= RECOVERED_WITHIN, "recovered after " + recovered + " ms");
            }
            rig.require(Finding.max(rig.times) <= NOTICED_WITHIN, "noticed later than after 5 s");
            rig.settle("ms until it is noticed", Rig.BACKLOG_WITHIN);
        }
    }

    /** The commits of the service (effects and checkpoints), and those of the writers, whose outcome is then unknown. */
    @Test
    void theAnswersToCommitsDoNotComeBack() throws Exception {
        try (Rig rig = new Rig(10, "proxy: cut after COMMIT was forwarded");
                Door door = new Door(rig.database);
                Door writersDoor = new Door(rig.database)) {
            rig.start(door.to(rig.database), List.of("-Xmx256m"), Map.of()).awaitPort();
            rig.write(writersDoor.to(rig.database), 3, 15);
            for (int i = 0; i < Lane.times(12, 200); i++) {
                rig.pause(50, 300);
                Door one = i % 2 == 0 ? door : writersDoor;
                int cuts = one.cuts();
                rig.inject();
                one.cutAfterCommit();
                Servers.await(() -> one.cuts() > cuts, Duration.ofSeconds(20), "a commit to cut");
            }
            rig.times.add(rig.awaitProgress(Rig.SOON));
            settle(rig, "ms to recover");
        }
    }

    @Test
    void theNetworkIsSlow() throws Exception {
        try (Rig rig = new Rig(11, "proxy: 100 ± 50 ms, 1 kB/s");
                Door door = new Door(rig.database)) {
            begin(rig, door);
            for (int i = 0; i < Lane.times(2, 40); i++) {
                rig.inject();
                if (i % 2 == 0) {
                    door.delay(100, 50);
                } else {
                    door.throttle(1_000);
                }
                rig.pause(3_000, 4_000);
                door.unhindered();
                rig.times.add(rig.awaitNews(process -> true, Rig.SOON));
            }
            settle(rig, "ms to recover");
        }
    }

    private static void begin(Rig rig, Door door) throws Exception {
        rig.start(door.to(rig.database), List.of("-Xmx256m"), Map.of()).awaitPort();
        rig.write();
    }

    private static void settle(Rig rig, String found) throws Exception {
        rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 10 s");
        rig.settle(found);
    }
}
