package dev.outbox.shop.billing;

import dev.outbox.TestDatabase;

/**
 * What is wrong with the charges of a database: all counts are 0 when each shipped order has one charge of the right amount, and no
 * other has any. Reckons by itself, order by order.
 *
 * @param shipped how many orders are shipped, which is not wrong
 * @param missing shipped orders without a charge
 * @param repeated charges beyond the first of their order
 * @param unfounded charges of orders that are not shipped
 * @param wrong charges of another amount, currency or client than the order's
 */
public record ChargeCheck(long shipped, long missing, long repeated, long unfounded, long wrong) {

    public static ChargeCheck of(TestDatabase database) {
        return new ChargeCheck(
                database.number("select count(*) from orders where status = 'shipped'"),
                missing(database),
                database.number("select count(*) - count(distinct order_id) from charges"),
                database.number("""
                        select count(*) from charges
                        where order_id not in (select id from orders where status = 'shipped')
                        """),
                database.number("""
                        select count(*) from charges c
                        join orders o on o.id = c.order_id
                        where (c.client_id, c.currency, c.amount) is distinct from (
                            o.client_id,
                            (select currency from clients where id = o.client_id),
                            (select rate from fulfillment_fees where client_id = o.client_id)
                                + coalesce((select sum(rate) from item_fees where item_id in
                                    (select item_id from order_items where order_id = o.id)), 0))
                        """));
    }

    public static long missing(TestDatabase database) {
        return database.number("""
                select count(*) from orders o
                where status = 'shipped' and not exists (select from charges where order_id = o.id)
                """);
    }

    public boolean isClean() {
        return missing == 0 && repeated == 0 && unfounded == 0 && wrong == 0;
    }
}
