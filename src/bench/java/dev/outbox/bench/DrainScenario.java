package dev.outbox.bench;

import dev.outbox.log.Event;
import dev.outbox.relay.Handler;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.springframework.context.ConfigurableApplicationContext;
import reactor.core.publisher.Mono;

/** A backlog of events that nobody else wants, drained by a handler that counts. */
final class DrainScenario implements Bench.Scenario {

    private static final int EVENTS = 500_000;
    private static final int RUNS = 5;

    @Override
    public void run() throws Exception {
        double[] rates = new double[RUNS];
        for (int i = -1; i < RUNS; i++) {
            double rate = drain();
            if (i >= 0) {
                rates[i] = rate;
            }
        }
        System.out.println("drain of " + EVENTS + " events, a handler that counts, events/s: " + Figures.spread(rates));
        System.out.printf("heap in use %d MB%n", (Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) >> 20);
    }

    private static double drain() throws Exception {
        try (ConfigurableApplicationContext service = Service.here()) {
            Service.execute(
                    Service.jdbcUrl(service),
                    """
                    insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                    select 'thing', n, 'thing.made', jsonb_build_object('thingId', n, 'parts', '[1, 2, 3]'::jsonb, 'made', now())
                    from generate_series(1, %d) n
                    """
                            .formatted(EVENTS));
            Service.execute(Service.jdbcUrl(service), "delete from outbox.checkpoint where subscription = 'counting'");
            Service.execute(Service.jdbcUrl(service), "checkpoint");
        }
        Counting.reset(EVENTS);
        try (ConfigurableApplicationContext service = Service.here(Counting.class)) {
            Counting.done.await();
            double seconds = (System.nanoTime() - Counting.began.get()) / 1e9;
            Service.execute(Service.jdbcUrl(service), "truncate outbox.event");
            Service.execute(Service.jdbcUrl(service), "truncate outbox.checkpoint");
            return EVENTS / seconds;
        }
    }

    static final class Counting implements Handler {

        static final AtomicLong began = new AtomicLong();
        static final AtomicLong left = new AtomicLong();
        static volatile CountDownLatch done = new CountDownLatch(1);

        static void reset(long count) {
            began.set(0);
            left.set(count);
            done = new CountDownLatch(1);
        }

        @Override
        public String name() {
            return "counting";
        }

        @Override
        public Set<String> types() {
            return Set.of("thing.made");
        }

        @Override
        public Mono<Void> handle(Event event) {
            began.compareAndSet(0, System.nanoTime());
            if (left.decrementAndGet() == 0) {
                done.countDown();
            }
            return Mono.empty();
        }
    }
}
