package dev.outbox.shop.billing;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** The charges in the database, for those who read them. */
@Repository
class ChargeStore {

    /** One row per charge, or one without if there is none. Indexes orders_pkey, charges_order_id_key. $1 order */
    private static final String OF_ORDER = """
            select c.id, c.order_id, c.client_id, c.amount, c.currency, c.created_at
            from orders o
            left join charges c on c.order_id = o.id
            where o.id = $1
            """;

    /** As above. Indexes clients_pkey, charges_client_id_id_idx. $1 client, $2 after, $3 limit */
    private static final String OF_CLIENT = """
            select c.id, c.order_id, c.client_id, c.amount, c.currency, c.created_at
            from clients k
            left join lateral (
                select id, order_id, client_id, amount, currency, created_at
                from charges
                where client_id = k.id and id > $2
                order by id
                limit $3) c on true
            where k.id = $1
            order by c.id
            """;

    private final Database database;

    ChargeStore(Database database) {
        this.database = database;
    }

    /** The charges of an order, at most one; empty without a value if there is no such order. */
    Mono<List<Charge>> ofOrder(long orderId) {
        return charges(database.query(ChargeStore::charge, OF_ORDER, orderId));
    }

    /** The charges of a client with ids above {@code after}, in order of id; empty without a value if there is no such client. */
    Mono<List<Charge>> ofClient(long clientId, long after, int limit) {
        return charges(database.query(ChargeStore::charge, OF_CLIENT, clientId, after, limit));
    }

    private static Mono<List<Charge>> charges(Mono<List<Optional<Charge>>> rows) {
        return rows.filter(found -> !found.isEmpty())
                .map(found -> found.stream().flatMap(Optional::stream).toList());
    }

    private static Optional<Charge> charge(Readable row) {
        Long id = row.get("id", Long.class);
        return id == null
                ? Optional.empty()
                : Optional.of(new Charge(
                        id,
                        number(row, "order_id"),
                        number(row, "client_id"),
                        number(row, "amount"),
                        text(row, "currency"),
                        requireNonNull(row.get("created_at", Instant.class))));
    }
}
