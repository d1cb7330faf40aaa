package dev.outbox.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.List;
import java.util.stream.IntStream;

/** Orders that were shipped while nobody looked, drained through billing: a charge each, exactly once. */
final class BillingScenario implements Bench.Scenario {

    private static final int PAGE = 1_000;

    /** The charges that billing makes, in one statement a page. */
    private static final String CHARGE = """
            insert into charges (order_id, client_id, amount, currency)
            select o.id, o.client_id, coalesce(f.rate, 0) + items.rate, c.currency
            from orders o
            join clients c on c.id = o.client_id
            left join fulfillment_fees f on f.client_id = o.client_id
            cross join lateral (
                select coalesce(sum(fee.rate), 0)::bigint as rate
                from order_items i
                join item_fees fee on fee.item_id = i.item_id
                where i.order_id = o.id) items
            where o.id = any (?)
            order by o.id
            """;

    @Override
    public List<Result> run(Database database, Settings settings) throws Exception {
        int orders = database.orders();
        database.clean();
        try (Service service = Service.start(database);
                Connection client = database.connect()) {
            service.pause(database, "billing");
            service.pause(database, "notifications");
            database.execute(
                    """
                    insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                    select 'order', n, 'order.shipped', jsonb_build_object(
                        'orderId', n, 'clientId', 1, 'status', 'shipped', 'previousStatus', 'created',
                        'version', 2, 'itemIds', '[1, 6]'::jsonb, 'changedAt', '2026-01-31T12:00:00.000000Z')
                    from generate_series(1, %d) n
                    """
                            .formatted(orders),
                    "vacuum analyze outbox.event");
            return List.of(new Pairs(settings)
                    .run(
                            "charges for " + orders + " shipped orders",
                            List.of(
                                    new Side("billing", () -> List.of(bill(database, service, orders))),
                                    new Side("insert … select", () -> List.of(insert(database, client, orders)))),
                            List.of(
                                    Bar.atLeast(25_000, "charges", "billing"),
                                    Bar.ratio(0.5, 0.25, "charges", "billing", "insert … select"))));
        }
    }

    private static Value bill(Database database, Service service, int orders) throws Exception {
        empty(database);
        Service.rewind(database, "billing");
        long last = database.number("select max(id) from outbox.event");
        long began = System.nanoTime();
        service.resume("billing");
        database.awaitDone("billing", last);
        double seconds = (System.nanoTime() - began) / 1e9;
        service.pause(database, "billing");
        requireCharges(database, orders);
        return Value.rate("charges", orders, seconds);
    }

    private static Value insert(Database database, Connection client, int orders) throws Exception {
        empty(database);
        long began = System.nanoTime();
        try (PreparedStatement charge = client.prepareStatement(CHARGE)) {
            for (int first = 1; first <= orders; first += PAGE) {
                Object[] ids = IntStream.range(first, Math.min(first + PAGE, orders + 1))
                        .mapToObj(Long::valueOf)
                        .toArray();
                charge.setArray(1, client.createArrayOf("bigint", ids));
                charge.executeUpdate();
            }
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        requireCharges(database, orders);
        return Value.rate("charges", orders, seconds);
    }

    private static void empty(Database database) throws Exception {
        database.execute("truncate charges", "checkpoint");
    }

    private static void requireCharges(Database database, int orders) throws Exception {
        long charges = database.number("select count(*) from charges");
        if (charges != orders) {
            throw new IllegalStateException(charges + " charges for " + orders + " orders");
        }
    }
}
