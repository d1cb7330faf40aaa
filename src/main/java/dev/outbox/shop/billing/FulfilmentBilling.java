package dev.outbox.shop.billing;

import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Set;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/**
 * Charges the client for each shipped order: the client's fulfilment fee and the fees of the order's items, as they stand when the
 * order is billed.
 *
 * <p>Once for an order, whatever is replayed: the charge commits with the checkpoint, and the key of the table refuses a second
 * one. An order that is gone is not charged; one that goes while its page is billed fails the page by its foreign key, and is gone
 * when the page comes again.
 */
@Component
final class FulfilmentBilling implements TransactionalHandler {

    /**
     * Indexes orders_pkey, clients_id_currency_key, fulfillment_fees_pkey, order_items_pkey, item_fees_pkey: the lateral join keeps
     * the plan at look-ups by order, also when the planner cannot know how many ids there are. An order without fees is charged 0.
     *
     * <p>$1 order ids; an id that comes twice counts once
     */
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
            where o.id = any ($1)
            order by o.id
            on conflict (order_id) do nothing
            """;

    @Override
    public String name() {
        return "billing";
    }

    @Override
    public Set<String> types() {
        return Set.of("order.shipped");
    }

    @Override
    public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
        return Mono.defer(() -> Database.update(connection, CHARGE, (Object) orderIds(events)))
                .then();
    }

    private static Long[] orderIds(List<Event> events) {
        return events.stream().map(Event::key).map(Long::valueOf).toArray(Long[]::new);
    }
}
