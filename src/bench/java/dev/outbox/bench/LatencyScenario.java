package dev.outbox.bench;

import dev.outbox.log.Event;
import dev.outbox.relay.Handler;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.springframework.context.ConfigurableApplicationContext;
import reactor.core.publisher.Mono;

/** From the return of a commit by SQL from outside to the entry of the handler, at steady rates. */
final class LatencyScenario implements Bench.Scenario {

    private static final int ORDERS = 20_000;

    @Override
    public void run() throws Exception {
        try (ConfigurableApplicationContext service = Service.here(Arriving.class)) {
            String url = Service.jdbcUrl(service);
            measure(url, 200, 1_000);
            for (int rate : new int[] {5, 20, 200, 200, 200, 1_000, 2_000}) {
                System.out.println("commit to handler at " + rate + "/s: " + measure(url, rate, Math.min(10 * rate, ORDERS / 2)));
            }
        }
    }

    private static String measure(String url, int perSecond, int changes) throws Exception {
        long[] committed = new long[changes];
        Arriving.clear();
        try (Connection connection = DriverManager.getConnection(url);
                PreparedStatement change = connection.prepareStatement(
                        "update orders set status = case status when 'created' then 'backorder' else 'created' end where id = ?")) {
            long next = System.nanoTime();
            for (int i = 0; i < changes; i++) {
                LockSupport.parkNanos(next - System.nanoTime());
                next += 1_000_000_000L / perSecond;
                change.setLong(1, 200_001 + i);
                change.executeUpdate();
                committed[i] = System.nanoTime();
            }
        }
        LockSupport.parkNanos(2_000_000_000L);
        long[] waits = new long[changes];
        for (int i = 0; i < changes; i++) {
            waits[i] = Arriving.at.get(i) == 0 ? Long.MAX_VALUE : Math.max(0, Arriving.at.get(i) - committed[i]);
        }
        return Figures.percentiles(Arrays.copyOfRange(waits, changes / 10, changes));
    }

    static final class Arriving implements Handler {

        static final AtomicLongArray at = new AtomicLongArray(ORDERS);

        static void clear() {
            for (int i = 0; i < ORDERS; i++) {
                at.set(i, 0);
            }
        }

        @Override
        public String name() {
            return "arriving";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            int index = Integer.parseInt(event.key()) - 200_001;
            if (index >= 0 && index < ORDERS) {
                at.set(index, System.nanoTime());
            }
            return Mono.empty();
        }
    }
}
