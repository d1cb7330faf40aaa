package dev.outbox.shop.billing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Service;
import dev.outbox.TestDatabase;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The service is killed in the middle of a load, again and again: each shipped order is charged once. */
@Timeout(300)
class KilledServiceLoadIntegrationTests {

    private static final int KILLS = 10;
    private static final int ORDERS = 60_000;

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void eachShippedOrderIsChargedOnceHoweverOftenTheServiceIsKilled() throws Exception {
        System.out.println("killed service: seed " + seed);
        Random random = new Random(seed);
        givenOrders();
        int caughtAtWork = 0;
        try (Shipping shipping = new Shipping(database, ORDERS)) {
            for (int kill = 1; kill <= KILLS; kill++) {
                caughtAtWork += killAtWork(kill, shipping, random) ? 1 : 0;
            }
            try (Service service = new Service(database)) {
                shipping.to(service.awaitPort());
                awaitCharge(chargesNow() + 1);
                shipping.stop();
                awaitAllCharged();
            }
            assertThat(caughtAtWork).as("kills that left work undone").isPositive();
            ChargeCheck check = ChargeCheck.of(database);
            System.out.printf(
                    "killed service: seed %d, %d kills, %d of them with work undone, %d acknowledged over HTTP, %s%n",
                    seed, KILLS, caughtAtWork, shipping.acknowledged().size(), check);
            assertThat(check).matches(ChargeCheck::isClean, "is clean");
            assertThat(shipping.acknowledged()).hasSizeGreaterThan(KILLS);
            assertThat(shipping.notShipped())
                    .as("acknowledged, yet not shipped")
                    .isEmpty();
        }
    }

    @Test
    void aMissingARepeatedAnUnfoundedAndAWrongChargeAreNoticed() {
        database.execute("""
                alter table charges drop constraint charges_order_id_key;
                update orders set status = 'shipped' where id <= 4;
                insert into charges (order_id, client_id, amount, currency)
                select o.id, o.client_id, f.rate + coalesce(sum(fee.rate), 0), f.currency
                from orders o
                join fulfillment_fees f using (client_id)
                join order_items i on i.order_id = o.id
                left join item_fees fee using (item_id)
                where o.id <= 4
                group by o.id, f.client_id
                """);
        assertThat(ChargeCheck.of(database)).isEqualTo(new ChargeCheck(4, 0, 0, 0, 0));
        database.execute("delete from charges where order_id = 1");
        assertThat(ChargeCheck.of(database)).isEqualTo(new ChargeCheck(4, 1, 0, 0, 0));
        database.execute("""
                insert into charges (order_id, client_id, amount, currency)
                select order_id, client_id, amount, currency from charges where order_id = 2
                """);
        assertThat(ChargeCheck.of(database)).isEqualTo(new ChargeCheck(4, 1, 1, 0, 0));
        database.execute("update charges set amount = amount + 1 where order_id = 3");
        assertThat(ChargeCheck.of(database)).isEqualTo(new ChargeCheck(4, 1, 1, 0, 1));
        database.execute("update charges set order_id = 14 where order_id = 4");
        assertThat(ChargeCheck.of(database)).matches(check -> check.missing() == 2 && check.unfounded() == 1);
    }

    /** Starts the service, lets it charge something, and kills it at a random moment. */
    private boolean killAtWork(int kill, Shipping shipping, Random random) throws Exception {
        long before = chargesNow();
        try (Service service = new Service(database)) {
            shipping.to(service.awaitPort());
            awaitCharge(before + 1);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(600)));
            service.kill();
        }
        shipping.to(0);
        long undone = ChargeCheck.missing(database);
        System.out.printf(
                "killed service: kill %d after %d charges, %d orders shipped and not charged%n",
                kill, chargesNow() - before, undone);
        return undone > 0;
    }

    private void awaitCharge(long count) {
        await(() -> chargesNow() >= count, "charge " + count);
    }

    private void awaitAllCharged() {
        await(() -> ChargeCheck.missing(database) == 0, "the last charge");
    }

    private long chargesNow() {
        return database.number("select count(*) from charges");
    }

    private static void await(java.util.function.BooleanSupplier condition, String what) {
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Waited in vain for " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    private void givenOrders() {
        database.execute("alter table orders disable trigger user");
        database.execute("insert into orders (id, client_id) select n, (n - 1) % 10 + 1 from generate_series(1001, "
                + ORDERS + ") n");
        database.execute("""
                insert into order_items (order_id, item_id, client_id)
                select o.id, i.id, o.client_id
                from orders o
                cross join lateral (select id from items where client_id = o.client_id order by id offset o.id % 9 limit 2) i
                where o.id > 1000
                """);
        database.execute("alter table orders enable trigger user");
        database.execute("analyze");
    }
}
