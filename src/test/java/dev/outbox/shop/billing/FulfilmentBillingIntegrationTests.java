package dev.outbox.shop.billing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class FulfilmentBillingIntegrationTests {

    private static final TestDatabase DATABASE = TestDatabase.fresh();
    private static final Database POOL = new Database(DATABASE.pool(4), Duration.ofSeconds(20));
    private static final AtomicLong EVENT_IDS = new AtomicLong();

    private final FulfilmentBilling billing = new FulfilmentBilling();

    /** Client 20 pays 300 in yen and has items with no fee (200), one fee (201) and three (202); client 21 has no fulfilment fee. */
    @BeforeAll
    static void givenClients() {
        DATABASE.execute("""
                insert into clients (id, name, email, currency) values
                    (20, 'Twenty', 'twenty@example.com', 'JPY'),
                    (21, 'Twenty-one', 'twentyone@example.com', 'CHF');
                insert into items (id, client_id, name, price, currency) values
                    (200, 20, 'plain', 1000, 'JPY'),
                    (201, 20, 'heavy', 1000, 'JPY'),
                    (202, 20, 'heavy, large and fragile', 1000, 'JPY'),
                    (210, 21, 'heavy', 1000, 'CHF'),
                    (211, 21, 'plain', 1000, 'CHF');
                insert into fulfillment_fees (client_id, rate, currency) values (20, 300, 'JPY');
                insert into item_fees (item_id, kind, rate) values
                    (201, 'heavy', 7), (202, 'heavy', 10), (202, 'large', 200), (202, 'fragile', 4000), (210, 'heavy', 55);
                """);
    }

    @Test
    void aChargeIsTheFeeOfTheClientAndTheFeesOfTheItems() {
        long plain = order(20, 200);
        long heavy = order(20, 200, 201);
        long all = order(20, 200, 201, 202);

        handle(shipped(plain), shipped(heavy), shipped(all));

        assertThat(charge(plain)).isEqualTo("20 300 JPY");
        assertThat(charge(heavy)).isEqualTo("20 307 JPY");
        assertThat(charge(all)).isEqualTo("20 4517 JPY");
    }

    @Test
    void aClientWithoutAFulfilmentFeePaysTheFeesOfTheItems() {
        long heavy = order(21, 210, 211);
        long free = order(21, 211);

        handle(shipped(heavy), shipped(free));

        assertThat(charge(heavy)).isEqualTo("21 55 CHF");
        assertThat(charge(free)).isEqualTo("21 0 CHF");
    }

    @Test
    void anOrderWithoutItemsCostsTheFulfilmentFee() {
        long order = order(20);
        handle(shipped(order));
        assertThat(charge(order)).isEqualTo("20 300 JPY");
    }

    @Test
    void theDemoDataIsChargedAsTheChangelogSays() {
        // Order 1 has items 18 (208), 33 and 48 (138); order 3 has 20 and 35, without fees; order 7 has 84 (54).
        handle(shipped(1), shipped(3), shipped(7));
        assertThat(charge(1)).isEqualTo("1 %d EUR".formatted(125 + 208 + 138));
        assertThat(charge(3)).isEqualTo("3 175 EUR");
        assertThat(charge(7)).isEqualTo("7 %d EUR".formatted(275 + 54));
    }

    @Test
    void aReplayedPageChargesNothingAgain() {
        long first = order(20, 201);
        long second = order(20, 202);
        handle(shipped(first));
        DATABASE.execute("update item_fees set rate = rate + 1 where item_id = 201");
        try {
            handle(shipped(first), shipped(second));
            handle(shipped(first), shipped(second));
        } finally {
            DATABASE.execute("update item_fees set rate = rate - 1 where item_id = 201");
        }
        assertThat(charge(first)).isEqualTo("20 307 JPY");
        assertThat(charge(second)).isEqualTo("20 4510 JPY");
    }

    @Test
    void anOrderThatComesTwiceInAPageIsChargedOnce() {
        long order = order(20, 200);
        handle(shipped(order), shipped(order));
        assertThat(charge(order)).isEqualTo("20 300 JPY");
    }

    @Test
    void anOrderThatIsGoneIsPassed() {
        long gone = order(20, 200);
        long present = order(20, 200);
        DATABASE.execute(
                "delete from order_items where order_id = %1$d; delete from orders where id = %1$d".formatted(gone));

        handle(shipped(gone), shipped(present));

        assertThat(charge(gone)).isNull();
        assertThat(charge(present)).isEqualTo("20 300 JPY");
    }

    @Test
    void twoWhoBillTheSamePageAtOnceChargeOnce() {
        List<Event> page =
                Stream.generate(() -> shipped(order(20, 201))).limit(50).toList();

        Mono.when(bill(page), bill(page), bill(page)).block(Duration.ofSeconds(20));

        assertThat(page)
                .extracting(event -> charge(Long.parseLong(event.key())))
                .containsOnly("20 307 JPY");
    }

    @Test
    void nothingIsChargedWhenTheRelayRollsBack() {
        long order = order(20, 200);
        Mono<Void> failing = POOL.inTransaction(connection -> billing.handle(List.of(shipped(order)), connection)
                .then(Mono.error(new IllegalStateException("the checkpoint is taken"))));

        assertThatThrownBy(() -> failing.block(Duration.ofSeconds(20))).hasMessage("the checkpoint is taken");

        assertThat(charge(order)).isNull();
    }

    @Test
    void aPageOfThousandsIsOneStatement() {
        String before = DATABASE.value("select coalesce(max(id), 0) from orders");
        DATABASE.execute("insert into orders (client_id) select 20 from generate_series(1, 5000)");
        long first = Long.parseLong(before) + 1;

        handle(LongStream.range(first, first + 5_000)
                .mapToObj(FulfilmentBillingIntegrationTests::shipped)
                .toArray(Event[]::new));

        assertThat(DATABASE.number("select count(*) from charges where amount = 300 and order_id between %d and %d"
                        .formatted(first, first + 4_999)))
                .isEqualTo(5_000);
    }

    private void handle(Event... events) {
        bill(List.of(events)).block(Duration.ofSeconds(20));
    }

    private Mono<Void> bill(List<Event> page) {
        return POOL.inTransaction(connection -> billing.handle(page, connection));
    }

    private static long order(long client, long... items) {
        long order = DATABASE.number("insert into orders (client_id) values (%d) returning id".formatted(client));
        for (long item : items) {
            DATABASE.execute("insert into order_items (order_id, item_id, client_id) values (%d, %d, %d)"
                    .formatted(order, item, client));
        }
        return order;
    }

    private static Event shipped(long order) {
        return new Event(
                EVENT_IDS.incrementAndGet(), "order", Long.toString(order), "order.shipped", Instant.EPOCH, "{}", null);
    }

    /** The client, the amount and the currency; null if there is no charge. */
    private static String charge(long order) {
        return DATABASE.value(
                "select string_agg(client_id || ' ' || amount || ' ' || currency, ', ') from charges where order_id = "
                        + order);
    }
}
