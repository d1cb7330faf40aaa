package dev.outbox.bench;

import java.util.concurrent.locks.LockSupport;
import org.springframework.context.ConfigurableApplicationContext;

/** Orders that were shipped while nobody looked, drained through billing: a charge each. */
final class BillingScenario implements Bench.Scenario {

    private static final int ORDERS = 200_000;
    private static final int RUNS = 3;

    @Override
    public void run() throws Exception {
        double[] rates = new double[RUNS];
        for (int i = -1; i < RUNS; i++) {
            double rate = bill();
            if (i >= 0) {
                rates[i] = rate;
            }
        }
        System.out.println("drain of " + ORDERS + " shipped orders through billing, charges/s: " + Figures.spread(rates));
    }

    private static double bill() throws Exception {
        try (ConfigurableApplicationContext service = Service.here()) {
            String url = Service.jdbcUrl(service);
            Service.execute(url, "truncate charges");
            Service.execute(url, "truncate outbox.event");
            Service.execute(url, "truncate outbox.checkpoint");
            Service.execute(
                    url,
                    """
                    insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                    select 'order', n, 'order.shipped', jsonb_build_object('orderId', n, 'clientId', 1)
                    from generate_series(1, %d) n
                    """
                            .formatted(ORDERS));
            Service.execute(url, "checkpoint");
        }
        long began = System.nanoTime();
        try (ConfigurableApplicationContext service = Service.here()) {
            String url = Service.jdbcUrl(service);
            long first = 0;
            long from = began;
            while (true) {
                long charges = Service.number(url, "select count(*) from charges");
                if (first == 0 && charges > 0) {
                    first = charges;
                    from = System.nanoTime();
                }
                if (charges == ORDERS) {
                    return (ORDERS - first) / ((System.nanoTime() - from) / 1e9);
                }
                LockSupport.parkNanos(50_000_000);
            }
        }
    }
}
