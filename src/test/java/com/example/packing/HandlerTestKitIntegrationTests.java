package com.example.packing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import dev.outbox.relay.HandlerTestKit;
import dev.outbox.relay.HandlerTestKit.Fault;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** How the author of a handler tests it against faults. */
class HandlerTestKitIntegrationTests {

    private final TestDatabase database = TestDatabase.fresh();
    private final HandlerTestKit kit = new HandlerTestKit(database);

    /** Counting is not repeatable; in a transactional handler it need not be. */
    @Test
    void aTransactionalHandlerCountsEachShipmentOnce() {
        database.execute("create table shipment_count (total bigint not null); insert into shipment_count values (0)");
        publish(20);
        kit.deliver(new ShipmentCount(), Fault.CRASH, Fault.FAIL_BEFORE_EFFECT, Fault.FAIL_AFTER_EFFECT, Fault.SLOW);
        assertThat(database.number("select total from shipment_count")).isEqualTo(20);
    }

    @Test
    void aHandlerThatKeysItsEffectByTheEventsIdStandsEveryFault() {
        database.execute("create table told (event_id bigint primary key)");
        publish(10);
        kit.deliver(new Telling(database, "on conflict do nothing"), Fault.values());
        assertThat(database.number("select count(*) from told")).isEqualTo(10);
    }

    /** The kit would notice. */
    @Test
    void aHandlerThatDoesNotIsFoundOut() {
        database.execute("create table told (event_id bigint)");
        publish(10);
        kit.deliver(new Telling(database, ""), Fault.CRASH);
        assertThat(database.number("select count(*) from told")).isGreaterThan(10);
    }

    @Test
    void theOrderOfAKeyIsKeptWhenItsEventsFail() {
        List<Long> told = new CopyOnWriteArrayList<>();
        publish(30);
        kit.deliver(
                new Telling(database, "on conflict do nothing") {
                    @Override
                    public Mono<Void> handle(Event event) {
                        return event.key().equals("1") ? Mono.fromRunnable(() -> told.add(event.id())) : Mono.empty();
                    }
                },
                Fault.FAIL_BEFORE_EFFECT);
        assertThat(told).hasSize(10).isSorted();
    }

    private void publish(int count) {
        for (int i = 0; i < count; i++) {
            kit.publish("order", Integer.toString(i % 3), "order.shipped", "{}");
        }
    }

    private static class Telling implements Handler {

        private final TestDatabase database;
        private final String conflict;

        Telling(TestDatabase database, String conflict) {
            this.database = database;
            this.conflict = conflict;
        }

        @Override
        public String name() {
            return "telling";
        }

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            return Mono.<Void>fromRunnable(
                            () -> database.execute("insert into told values (" + event.id() + ") " + conflict))
                    .subscribeOn(Schedulers.boundedElastic());
        }
    }
}
