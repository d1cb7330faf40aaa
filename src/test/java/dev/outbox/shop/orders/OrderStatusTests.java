package dev.outbox.shop.orders;

import static dev.outbox.shop.orders.OrderStatus.BACKORDER;
import static dev.outbox.shop.orders.OrderStatus.CANCELED;
import static dev.outbox.shop.orders.OrderStatus.CREATED;
import static dev.outbox.shop.orders.OrderStatus.SHIPPED;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OrderStatusTests {

    @Test
    void aNewOrderMayBecomeAnything() {
        assertThat(CREATED.next()).containsExactly(BACKORDER, SHIPPED, CANCELED);
    }

    @Test
    void aBackorderMayBeReopened() {
        assertThat(BACKORDER.next()).containsExactly(CREATED, SHIPPED, CANCELED);
    }

    @Test
    void shippedAndCanceledAreFinal() {
        assertThat(SHIPPED.next()).isEmpty();
        assertThat(CANCELED.next()).isEmpty();
    }

    @Test
    void whatMayFollowKnowsWhatItMayFollow() {
        for (OrderStatus from : OrderStatus.values()) {
            for (OrderStatus to : OrderStatus.values()) {
                assertThat(to.previous().contains(from)).isEqualTo(from.next().contains(to));
            }
        }
    }

    @Test
    void aNameIsInLowerCase() {
        assertThat(OrderStatus.of("backorder")).isEqualTo(BACKORDER);
        assertThat(OrderStatus.of("BACKORDER")).isNull();
        assertThat(OrderStatus.of(null)).isNull();
        assertThat(OrderStatus.names()).isEqualTo("created, backorder, shipped, canceled");
    }
}
