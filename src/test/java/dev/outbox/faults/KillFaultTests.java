package dev.outbox.faults;

import dev.outbox.Service;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Instances are killed by SIGKILL in the middle of their work. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class KillFaultTests {

    private static final long RESUMED_WITHIN = 3_000;
    private static final long TAKEN_OVER_WITHIN = 4_000;

    /** Its follower is started at once; the time is from its "API" line to its first delivery. */
    @Test
    void theOnlyInstanceIsKilled() throws Exception {
        try (Rig rig = new Rig(1, "kill -9 the only instance")) {
            rig.start().awaitPort();
            rig.write();
            for (int i = Lane.times(2, 100); i > 0; i--) {
                rig.pause(500, 2_500);
                rig.injectKill();
                rig.kill(rig.services.get(0));
                Service next = rig.start();
                next.awaitPort();
                long started = Rig.micros();
                long before = rig.sink.deliveries().stream()
                        .filter(delivery -> delivery.process() == next.pid())
                        .count();
                rig.times.add(before > 0 ? 0 : rig.awaitNews(0, started, process -> process == next.pid(), Rig.SOON));
            }
            rig.requireAtLeast(rig.times.size() + 1, Course.CLAIMS);
            rig.require(Finding.max(rig.times) <= RESUMED_WITHIN, "resumed later than 3 s after the start");
            rig.settle("ms from the start of the next one");
        }
    }

    @Test
    void oneOfTwoInstancesIsKilled() throws Exception {
        oneIsKilled(2, "kill -9 one of two", 2, Lane.times(1, 100));
    }

    @Test
    void oneOfThreeInstancesIsKilled() throws Exception {
        oneIsKilled(3, "kill -9 one of three", 3, Lane.times(1, 100));
    }

    /** Mostly the one that delivers; the time is until another one delivers what never was before, be it old. */
    private static void oneIsKilled(int order, String scenario, int instances, int kills) throws Exception {
        try (Rig rig = new Rig(order, scenario)) {
            for (int i = 0; i < instances; i++) {
                rig.start();
            }
            for (Service service : rig.services) {
                service.awaitPort();
            }
            rig.write();
            for (int left = kills; left > 0; left--) {
                rig.pause(500, 2_500);
                kill(rig);
                if (left > 1) {
                    rig.start().awaitPort();
                }
            }
            rig.requireAtLeast(rig.times.size() + 1, Course.CLAIMS);
            rig.require(Finding.max(rig.times) <= TAKEN_OVER_WITHIN, "taken over later than after 4 s");
            rig.settle("ms until another one delivers");
        }
    }

    private static void kill(Rig rig) throws InterruptedException {
        Service deliverer = rig.deliverer();
        boolean other = rig.dice.nextInt(5) == 0;
        Service victim = other
                ? rig.services.stream()
                        .filter(service -> service != deliverer)
                        .findAny()
                        .orElseThrow()
                : deliverer;
        long last = rig.sink.highest();
        rig.injectKill();
        long killed = Rig.micros();
        rig.kill(victim);
        long took = rig.awaitNews(last, killed, process -> process != victim.pid(), Duration.ofSeconds(30));
        if (!other) {
            rig.times.add(took);
        }
    }
}
