package dev.outbox.faults;

import dev.outbox.Service;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** PostgreSQL is killed, stopped and started again under load, and ends sessions by chance. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class ServerFaultTests {

    private static final long RECOVERED_WITHIN = 5_000;

    private interface End {
        void come() throws Exception;
    }

    @Test
    void theServerIsKilled() throws Exception {
        try (Rig rig = new Rig(5, "PostgreSQL kill -9")) {
            begin(rig);
            for (int i = Lane.times(1, 50); i > 0; i--) {
                restart(rig, rig.server::kill);
            }
            settle(rig);
        }
    }

    @Test
    void theServerIsRestartedFastAndImmediately() throws Exception {
        try (Rig rig = new Rig(6, "PostgreSQL stop fast, immediate")) {
            begin(rig);
            for (int i = 0; i < Lane.times(2, 40); i++) {
                restart(rig, i % 2 == 0 ? rig.server::stopFast : rig.server::stopImmediately);
            }
            settle(rig);
        }
    }

    /** Listener, pools, all alike; the service's API is asked beside, so that its pool has sessions too. */
    @Test
    void sessionsAreEndedByChance() throws Exception {
        try (Rig rig = new Rig(7, "pg_terminate_backend")) {
            begin(rig);
            Service service = rig.services.get(0);
            Settlement ask = new Settlement(rig, rig.writers());
            for (int i = Lane.times(30, 1_000); i > 0; i--) {
                rig.pause(20, 200);
                ask.get(service, "/orders/1");
                rig.inject();
                rig.database.execute("""
                        select pg_terminate_backend(pid) from (
                            select pid from pg_stat_activity
                            where datname = current_database() and application_name like 'outbox%%'
                            order by pid offset %d %% (
                                select greatest(count(*), 1) from pg_stat_activity
                                where datname = current_database() and application_name like 'outbox%%') limit 1) one
                        """.formatted(rig.dice.nextInt(1_000)));
            }
            rig.times.add(rig.awaitProgress(Rig.SOON));
            settle(rig);
        }
    }

    private static void begin(Rig rig) throws Exception {
        rig.start().awaitPort();
        rig.write();
    }

    /** The time is from when the server answers to the first delivery of an event that was written after that. */
    private static void restart(Rig rig, End end) throws Exception {
        rig.pause(500, 2_000);
        rig.inject();
        end.come();
        rig.pause(0, 2_000);
        rig.server.start();
        Servers.awaitAnswer(rig.database, Rig.SOON);
        rig.times.add(rig.awaitNews(process -> true, Rig.SOON));
    }

    private static void settle(Rig rig) throws Exception {
        rig.require(Finding.max(rig.times) <= RECOVERED_WITHIN, "recovered later than after 5 s");
        Settlement ask = new Settlement(rig, rig.writers());
        Service service = rig.services.get(0);
        rig.require(
                Servers.waitFor(
                        () -> ask.get(service, "/actuator/health/readiness").contains("UP"), Duration.ofSeconds(10)),
                "not ready");
        rig.settle("the same process throughout");
    }
}
