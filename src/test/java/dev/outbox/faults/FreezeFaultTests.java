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

    private static final String COUNTER = "faults-count";

    /** More than a trim leaves behind, wherever it comes. */
    private static final int MEANWHILE = 1_200;

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
            rig.requireAtLeast(rig.times.size() + 1, Course.CLAIMS);
            rig.settle("stale checkpoints stored " + stored + ", refused " + refused
                    + " times; claimed anew within 2 s " + claimed + " times");
        }
    }

    /**
     * The one that counts, whose effects nothing but the fence keeps from being repeated. Each action that its heir applies is a checkpoint;
     * when it wakes up, the one that it would go on from has been trimmed.
     */
    @Test
    void whatTheFrozenInstanceWouldGoOnFromIsTrimmedMeanwhile() throws Exception {
        try (Rig rig = new Rig(4, "SIGSTOP for 1,200 checkpoints of another, SIGCONT")) {
            rig.start();
            rig.start();
            for (Service service : rig.services) {
                service.awaitPort();
            }
            rig.write(rig.database, 6, 8, Rig.SOON); // mostly in the middle of something
            StringBuilder ahead = new StringBuilder();
            for (int i = Lane.times(1, 10); i > 0; i--) {
                rig.pause(300, 1_000);
                ahead.append(ahead.isEmpty() ? "" : ", ").append(freezeTheCounter(rig));
            }
            rig.requireAtLeast(2, Course.TRIMS);
            rig.requireAtLeast(rig.times.size() + 1, Course.CLAIMS);
            rig.settle("checkpoints stored meanwhile " + ahead + "; stale ones stored " + stored + ", refused "
                    + refused + " times");
        }
    }

    private long freezeTheCounter(Rig rig) throws Exception {
        Service frozen = counting(rig);
        rig.inject();
        long began = Rig.micros();
        frozen.freeze();
        Servers.await(() -> counting(rig) != frozen, Rig.SOON, "a new leader of the counter");
        rig.times.add((Rig.micros() - began) / 1_000);
        long left = rig.database.number("select max(generation) from faults_checkpoint where subscription = '" + COUNTER
                + "' and instance like '" + frozen.pid() + "-%'");
        rig.database.execute("insert into outbox.action (subscription, name, arguments, requested_by) select '"
                + COUNTER + "', 'retry', '{}', 'test' from generate_series(1, " + MEANWHILE + ")");
        Servers.await(
                () -> rig.database.number("select count(*) from outbox.action where applied_at is null") == 0,
                Duration.ofMinutes(3),
                "the actions to be applied");
        String kept = "select %s(generation) from outbox.checkpoint where subscription = '" + COUNTER + "'";
        long ahead = rig.database.number(kept.formatted("max")) - left;
        rig.require(ahead >= 1_000, "only " + ahead + " checkpoints were stored meanwhile");
        rig.require(rig.database.number(kept.formatted("min")) > left + 1, "what it would go on from is still there");
        wakeUp(rig, frozen, COUNTER);
        rig.awaitNews(process -> true, Rig.SOON);
        return ahead;
    }

    /** The service that stored the counter's last checkpoint. */
    private static Service counting(Rig rig) {
        long process =
                rig.database.number("select split_part(instance, '-', 1) from faults_checkpoint where subscription = '"
                        + COUNTER + "' order by number desc limit 1");
        return rig.services.stream()
                .filter(service -> service.pid() == process)
                .findFirst()
                .orElseThrow();
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
        if (taken) {
            wakeUp(rig, frozen, "faults-sink");
        } else {
            frozen.thaw();
        }
        rig.awaitNews(process -> true, Rig.SOON);
    }

    /**
     * For two seconds after it woke up, the one that was replaced stores nothing but what it has claimed anew: the first checkpoint of its
     * own begins where the other had got to.
     */
    private void wakeUp(Rig rig, Service frozen, String subscription) throws Exception {
        int before = staleInOutput(frozen);
        String thawed = rig.database.value("select clock_timestamp()::text");
        frozen.thaw();
        Set<String> stale = new TreeSet<>();
        for (int i = 0; i < 20; i++) {
            StaleCheckpoint.of(rig.database, subscription, frozen.pid(), thawed).ifPresent(stale::add);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
        }
        rig.require(stale.isEmpty(), "stale checkpoints were stored: " + stale);
        stored += stale.size();
        claimed += rig.database.number("""
                select least(count(*), 1) from faults_checkpoint
                where subscription = '%s' and instance like '%d-%%' and created_at > '%s'
                """.formatted(subscription, frozen.pid(), thawed));
        refused += staleInOutput(frozen) - before;
    }

    private static int staleInOutput(Service service) {
        return service.output().split("subscription.replaced", -1).length - 1;
    }
}
