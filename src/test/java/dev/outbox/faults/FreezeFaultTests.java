package dev.outbox.faults;

import dev.outbox.Service;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The instance that delivers is stopped by SIGSTOP, another takes over, and the first one wakes up as if nothing had been. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class FreezeFaultTests {

    private static final long TAKEN_OVER_WITHIN = 9_000;

    private int stored;
    private long claimed;
    private int refused;

    @Test
    void theInstanceThatDeliversIsFrozenAndWakesUp() throws Exception {
        try (Rig rig = new Rig(4, "SIGSTOP 5–20 s, SIGCONT")) {
            rig.start();
            rig.start();
            for (Service service : rig.services) {
                service.awaitPort();
            }
            rig.write();
            for (int i = Lane.times(1, 50); i > 0; i--) {
                rig.pause(300, 1_000);
                freeze(rig, Lane.isLong() ? 5_000 + rig.dice.nextInt(15_000) : 9_000);
            }
            rig.require(Finding.max(rig.times) <= TAKEN_OVER_WITHIN, "taken over later than after 9 s");
            rig.settle("stale checkpoints stored " + stored + ", refused " + refused
                    + " times; claimed anew within 2 s " + claimed + " times");
        }
    }

    /** Shorter than five seconds of silence nobody has to take over. */
    private void freeze(Rig rig, int millis) throws Exception {
        Service frozen = rig.deliverer();
        long last = rig.sink.highest();
        rig.inject();
        long began = Rig.micros();
        frozen.freeze();
        boolean taken = Servers.waitFor(
                () -> rig.sink.since(began).stream()
                        .anyMatch(delivery -> delivery.id() > last && delivery.process() != frozen.pid()),
                Duration.ofMillis(millis));
        if (taken) {
            rig.times.add(rig.awaitNews(last, began, process -> process != frozen.pid(), Rig.SOON));
            long left = began + millis * 1_000L - Rig.micros();
            LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(left));
        }
        wakeUp(rig, frozen, taken);
        rig.awaitNews(process -> true, Rig.SOON);
    }

    /**
     * For two seconds after it woke up, the one that was replaced stores nothing but what it has claimed anew: the first checkpoint of its
     * own begins where the other had got to.
     */
    private void wakeUp(Rig rig, Service frozen, boolean replaced) throws Exception {
        int before = staleInOutput(frozen);
        String thawed = rig.database.value("select clock_timestamp()::text");
        frozen.thaw();
        if (replaced) {
            Set<String> stale = new TreeSet<>();
            for (int i = 0; i < 20; i++) {
                StaleCheckpoint.of(rig.database, "faults-sink", frozen.pid(), thawed)
                        .ifPresent(stale::add);
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
            rig.require(stale.isEmpty(), "stale checkpoints were stored: " + stale);
            stored += stale.size();
            claimed += rig.database.number("""
                    select least(count(*), 1) from outbox.checkpoint
                    where subscription = 'faults-sink' and instance like '%d-%%' and created_at > '%s'
                    """.formatted(frozen.pid(), thawed));
            refused += staleInOutput(frozen) - before;
        }
    }

    private static int staleInOutput(Service service) {
        return service.output().split("StaleLeader", -1).length - 1;
    }
}
