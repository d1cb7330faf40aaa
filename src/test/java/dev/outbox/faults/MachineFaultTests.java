package dev.outbox.faults;

import dev.outbox.Service;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The machine of the service is wrong: its clock jumps, its memory is small. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class MachineFaultTests {

    private static final long STALLED_FROM = 4_000;
    private static final long HOUR = 3_600;

    @TempDir
    Path directory;

    /** Needs libfaketime. */
    @Test
    void theClockJumpsByAnHour() throws Exception {
        String scenario = "clock of the JVM ± 1 h";
        Optional<FakeClock> made = FakeClock.in(directory.resolve("clock"));
        if (made.isEmpty()) {
            Findings.add(Finding.skipped(19, scenario, FakeClock.MISSING));
            Assumptions.abort(FakeClock.MISSING);
        }
        FakeClock clock = made.orElseThrow();
        try (Rig rig = new Rig(19, scenario)) {
            Service service = rig.start(rig.database, List.of("-Xmx256m"), clock.settings());
            service.awaitPort();
            rig.write(rig.database, 1, 50);
            for (int i = 0; i < Lane.times(2, 10); i++) {
                jump(rig, service, clock, i % 2 == 0 ? HOUR : -HOUR);
            }
            rig.require(Finding.max(rig.times) < STALLED_FROM, "no delivery for " + Finding.max(rig.times) + " ms");
            rig.settle("ms without a delivery");
        }
    }

    private static void jump(Rig rig, Service service, FakeClock clock, long seconds) throws Exception {
        rig.pause(500, 1_000);
        rig.injectHarmless();
        long since = Rig.micros();
        clock.isOff(seconds);
        rig.pause(3_000, 4_000);
        rig.times.add(rig.longestGap(since));
        long now = Long.parseLong(new Settlement(rig, rig.writers()).get(service, "/faults/clock"));
        long off = (now - System.currentTimeMillis()) / 1_000;
        rig.require(Math.abs(off - seconds) < 10, "the clock is off by " + off + " s");
        clock.isOff(0);
    }

    /** A million events in the long lane, of a kilobyte each; then more in large ones than the heap has room for. */
    @Test
    void theBacklogIsLargeAndTheHeapIsSmall() throws Exception {
        int backlog = Lane.times(20_000, 1_000_000);
        try (Rig rig = new Rig(20, "heap of 128 MB, backlog of " + backlog + ", then of 160 MB")) {
            rig.database.execute("""
                    insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                    select 'backlog', n %% 2000, 'backlog', jsonb_build_object('text', repeat('x', 1000))
                    from generate_series(1, %d) n
                    """.formatted(backlog));
            rig.database.execute("""
                    insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                    select 'backlog', n % 2000, 'backlog', jsonb_build_object('digits', (
                        select string_agg(md5(random()::text || g), '') from generate_series(1, 5000) g))
                    from generate_series(1, 1000) n
                    """);
            Service service = rig.start(rig.database, List.of("-Xmx128m", "-XX:+ExitOnOutOfMemoryError"), Map.of());
            service.awaitPort();
            rig.injectHarmless();
            long began = Rig.micros();
            rig.write(rig.database, 1, 50, Rig.BACKLOG_WITHIN);
            rig.times.add((Rig.micros() - began) / 1_000);
            rig.settle("ms until the backlog was delivered", Duration.ofMinutes(10));
            rig.require(service.isAlive() && !service.output().contains("OutOfMemory"), "out of memory");
        }
    }
}
