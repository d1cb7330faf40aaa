package dev.outbox.shop.orders;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.Database;
import dev.outbox.problems.Problem;
import io.r2dbc.spi.R2dbcRollbackException;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** The orders in the database. Each method is one statement. */
@Repository
class OrderStore {

    /** Index orders_pkey. $1 status or null, $2 after, $3 limit */
    private static final String PAGE = """
            select id, client_id, status, version, created_at, updated_at
            from orders
            where id > $2 and ($1::text is null or status = $1)
            order by id
            limit $3
            """;

    /** Index orders_client_id_id_idx. $1 status or null, $2 after, $3 limit, $4 client */
    private static final String PAGE_OF_CLIENT = """
            select id, client_id, status, version, created_at, updated_at
            from orders
            where client_id = $4 and id > $2 and ($1::text is null or status = $1)
            order by id
            limit $3
            """;

    /** One row per item, or one without. Indexes orders_pkey, order_items_pkey, items_pkey. */
    private static final String FIND = """
            select o.id, o.client_id, o.status, o.version, o.created_at, o.updated_at,
                i.id as item_id, i.name, i.price, i.currency
            from orders o
            left join order_items oi on oi.order_id = o.id
            left join items i on i.id = oi.item_id
            where o.id = $1
            order by i.id
            """;

    /**
     * Makes the order if the client is known and the items are its own. One row per item of the new order; or one row that
     * says what is wrong. Indexes clients_pkey, items_id_client_id_key.
     *
     * <p>$1 client, $2 items
     */
    private static final String CREATE = """
            with wanted as materialized (
                select w.item_id, i.id, i.name, i.price, i.currency
                from unnest($2::bigint[]) w (item_id)
                left join items i on i.id = w.item_id and i.client_id = $1
            ), created as (
                insert into orders (client_id)
                select id from clients
                where id = $1 and not exists (select from wanted where id is null)
                returning id, client_id, status, version, created_at, updated_at
            ), filled as (
                insert into order_items (order_id, item_id, client_id)
                select c.id, w.id, c.client_id from created c cross join wanted w
            )
            select c.id, c.client_id, c.status, c.version, c.created_at, c.updated_at,
                w.id as item_id, w.name, w.price, w.currency,
                exists (select from clients where id = $1) as known,
                (select array_agg(item_id order by item_id) from wanted where id is null) as strange
            from (select) one
            left join created c on true
            left join wanted w on c.id is not null
            order by w.id
            """;

    /**
     * Makes the changes that are allowed and tells about each, in the order of the lists; no order may be in them twice.
     *
     * <p>The rows are locked first, in order of id, so that two statements never wait for each other, and what is decided goes by
     * the row as it is once the lock is there, not as it was when the statement began. The trigger orders__guard counts the
     * version. Index orders_pkey.
     *
     * <p>$1 ids, $2 statuses, $3 for each the versions that will do, separated by commas, or null for any, $4 for each the
     * statuses that it may follow, separated by commas
     */
    private static final String CHANGE = """
            with change as materialized (
                select line, id, status, versions, sources
                from unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
                    with ordinality change (id, status, versions, sources, line)
            ), present as materialized (
                select id, client_id, status, version, created_at, updated_at
                from orders
                where id = any ($1::bigint[])
                order by id
                for update
            ), decided as materialized (
                select c.line, c.status as wanted,
                    p.id, p.client_id, p.status, p.version, p.created_at, p.updated_at,
                    case
                        when p.id is null then
                            case when exists (select from orders o where o.id = c.id) then 'locked' else 'unknown' end
                        when p.version::text <> all (string_to_array(c.versions, ',')) then 'stale'
                        when p.status = c.status then 'unchanged'
                        when p.status = any (string_to_array(c.sources, ',')) then 'updated'
                        else 'not_allowed'
                    end as kind
                from change c
                left join present p on p.id = c.id
            ), updated as (
                update orders o
                set status = d.wanted
                from decided d
                where o.id = d.id and d.kind = 'updated'
                returning o.id, o.status, o.version, o.updated_at
            )
            select d.line, d.kind, d.id, d.client_id, coalesce(u.status, d.status) as status,
                coalesce(u.version, d.version) as version, d.created_at, coalesce(u.updated_at, d.updated_at) as updated_at
            from decided d
            left join updated u on u.id = d.id
            order by d.line
            """;

    /** The same, but what somebody else has locked is left alone. */
    private static final String CHANGE_UNLOCKED = CHANGE.replace("for update", "for update skip locked");

    /** A victim of a deadlock or a serialization failure: nothing was done, and the next attempt sees what was in the way. */
    private static final Retry AGAIN = Retry.max(3)
            .filter(R2dbcRollbackException.class::isInstance)
            .onRetryExhaustedThrow((retry, last) -> last.failure());

    private final Database database;

    OrderStore(Database database) {
        this.database = database;
    }

    /** The orders with ids above {@code after}, in order of id. */
    Mono<List<Order>> page(OrderFilter filter, long after, int limit) {
        OrderStatus wanted = filter.status();
        String status = wanted == null ? null : wanted.json();
        Long client = filter.clientId();
        return client == null
                ? database.query(OrderStore::order, PAGE, status, after, limit)
                : database.query(OrderStore::order, PAGE_OF_CLIENT, status, after, limit, client);
    }

    /** The order with its items; empty if there is none. */
    Mono<OrderWithItems> find(long id) {
        return database.query(OrderStore::withItem, FIND, id)
                .filter(rows -> !rows.isEmpty())
                .map(OrderStore::merge);
    }

    /** Makes an order; a {@link Problem} if the client is unknown or an item is not the client's. */
    Mono<OrderWithItems> create(NewOrder order) {
        return database.query(
                        row -> created(order, row),
                        CREATE,
                        order.clientId(),
                        order.itemIds().toArray(Long[]::new))
                .retryWhen(AGAIN)
                .flatMap(rows -> rows.get(0) instanceof Problem problem
                        ? Mono.error(problem)
                        : Mono.just(merge(
                                rows.stream().map(OrderWithItems.class::cast).toList())));
    }

    /** Makes the changes that are allowed, and answers for each what became of it; no two may be of one order. Waits for locks. */
    Mono<List<ChangeResult>> change(List<StatusChange> changes) {
        return change(CHANGE, changes);
    }

    /** Like {@link #change(List)}, but waits for no lock: what is locked is answered as such and not changed. */
    Mono<List<ChangeResult>> changeUnlocked(List<StatusChange> changes) {
        return change(CHANGE_UNLOCKED, changes);
    }

    private Mono<List<ChangeResult>> change(String sql, List<StatusChange> changes) {
        return database.query(
                        row -> result(changes, row),
                        sql,
                        changes.stream().map(StatusChange::id).toArray(Long[]::new),
                        texts(changes, change -> change.status().json()),
                        texts(changes, change -> change.versions().list()),
                        texts(changes, change -> sources(change.status())))
                .retryWhen(AGAIN);
    }

    private static @Nullable String[] texts(List<StatusChange> changes, Function<StatusChange, @Nullable String> text) {
        return changes.stream().map(text).toArray(String[]::new);
    }

    private static String sources(OrderStatus status) {
        return String.join(
                ",", status.previous().stream().map(OrderStatus::json).toList());
    }

    private static ChangeResult result(List<StatusChange> changes, Readable row) {
        StatusChange change = changes.get((int) number(row, "line") - 1);
        ChangeResult.Kind kind = ChangeResult.Kind.valueOf(text(row, "kind").toUpperCase(Locale.ROOT));
        return new ChangeResult(change, kind, row.get("id") == null ? null : order(row));
    }

    private static Object created(NewOrder order, Readable row) {
        Problem problem = problem(order, row);
        return problem == null ? withItem(row) : problem;
    }

    /** Why the order was not made, in the only row of the answer, or null. */
    private static @Nullable Problem problem(NewOrder order, Readable row) {
        if (!requireNonNull(row.get("known", Boolean.class))) {
            return refused("There is no client " + order.clientId() + ".").with("clientId", order.clientId());
        }
        Long[] strange = row.get("strange", Long[].class);
        if (strange == null) {
            return null;
        }
        return refused("Client " + order.clientId() + " has no items " + Arrays.toString(strange)
                        + "; an order holds items of its own client only.")
                .with("clientId", order.clientId())
                .with("itemIds", strange);
    }

    private static Problem refused(String detail) {
        return Problem.of(HttpStatus.BAD_REQUEST, "invalid-order", "Invalid order", detail);
    }

    private static OrderWithItems merge(List<OrderWithItems> rows) {
        return new OrderWithItems(
                rows.get(0).order(),
                rows.stream().flatMap(row -> row.items().stream()).toList());
    }

    private static OrderWithItems withItem(Readable row) {
        Long id = row.get("item_id", Long.class);
        List<OrderItem> items = id == null
                ? List.of()
                : List.of(new OrderItem(id, text(row, "name"), number(row, "price"), text(row, "currency")));
        return new OrderWithItems(order(row), items);
    }

    private static Order order(Readable row) {
        return new Order(
                number(row, "id"),
                number(row, "client_id"),
                requireNonNull(OrderStatus.of(row.get("status", String.class))),
                number(row, "version"),
                requireNonNull(row.get("created_at", Instant.class)),
                requireNonNull(row.get("updated_at", Instant.class)));
    }
}
