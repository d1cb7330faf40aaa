package dev.outbox.faults;

import dev.outbox.Service;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Everything that changes rows behind the readers' backs, at once, and instances are killed in the middle of it. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class PartitionFaultTests {

    private static final long TAKEN_OVER_WITHIN = 4_000;

    /** More than the partitions that are made ahead, so that what comes then has none. */
    private static final int JUMP = 50_000;

    private static final Map<String, String> RESTLESS = Map.of(
            "OUTBOX_LOG_PARTITIONEVENTS",
            "1000",
            "OUTBOX_LOG_RETENTION",
            "2s",
            "OUTBOX_LOG_CHECKEVERY",
            "300ms",
            TestedApplication.FRAGILE,
            "yes");

    /**
     * Partitions are made, filled, emptied and dropped within seconds; ids jump, so that events stray and are moved; batches of the handler that
     * counts fail and are narrowed; and the one that delivers is killed.
     */
    @Test
    void oneOfTwoIsKilledWhilePartitionsComeAndGo() throws Exception {
        try (Rig rig = new Rig(22, "kill -9 one of two, partitions made, moved and dropped")) {
            rig.database.execute("select setval('outbox.event_id_seq', 10000000)"); // the end of the first partition
            rig.start(RESTLESS);
            rig.start(RESTLESS);
            for (Service service : rig.services) {
                service.awaitPort();
            }
            rig.write();
            for (int left = Lane.times(3, 50); left > 0; left--) {
                rig.pause(500, 2_500);
                jump(rig);
                rig.pause(0, 1_500);
                kill(rig);
                rig.start(RESTLESS).awaitPort();
            }
            for (String what :
                    new String[] {Course.MADE, Course.MOVED, Course.EMPTIED, Course.DROPPED, Course.NARROWED}) {
                rig.requireAtLeast(Math.max(1, rig.times.size() / 4), what);
            }
            rig.requireAtLeast(rig.times.size() + 1, Course.CLAIMS);
            rig.require(Finding.max(rig.times) <= TAKEN_OVER_WITHIN, "taken over later than after 4 s");
            rig.settle("ms until another one delivers");
        }
    }

    private static void jump(Rig rig) {
        rig.database.execute("select setval('outbox.event_id_seq', nextval('outbox.event_id_seq') + " + JUMP + ")");
    }

    private static void kill(Rig rig) throws InterruptedException {
        Service deliverer = rig.deliverer();
        long last = rig.sink.highest();
        rig.injectKill();
        long killed = Rig.micros();
        rig.kill(deliverer);
        rig.times.add(rig.awaitNews(last, killed, process -> process != deliverer.pid(), Duration.ofSeconds(30)));
    }
}
