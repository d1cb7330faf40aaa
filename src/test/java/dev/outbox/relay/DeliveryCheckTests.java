package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.relay.DeliveryCheck.Item;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DeliveryCheckTests {

    private static final Item A1 = new Item(1, "a");
    private static final Item B2 = new Item(2, "b");
    private static final Item A3 = new Item(3, "a");
    private static final List<Item> COMMITTED = List.of(A1, B2, A3);

    @Test
    void eachEventOnceAndInOrderIsClean() {
        assertThat(check(A1, B2, A3)).matches(DeliveryCheck::isOnceInOrder);
        assertThat(check(B2, A1, A3)).matches(DeliveryCheck::isOnceInOrder);
    }

    @Test
    void aLostEventIsNoticed() {
        assertThat(check(A1, B2).lost()).isEqualTo(Set.of(3L));
        assertThat(check(A1, A3).lost()).isEqualTo(Set.of(2L));
        assertThat(check(A1, A3)).matches(check -> !check.isAtLeastOnceInOrder());
    }

    @Test
    void aRepeatedEventIsNoticed() {
        assertThat(check(A1, B2, A3, A1).repeated()).isEqualTo(1);
        assertThat(check(A1, B2, A3, A1)).matches(check -> check.isAtLeastOnceInOrder() && !check.isOnceInOrder());
    }

    @Test
    void aSwappedPairOfAKeyIsNoticed() {
        assertThat(check(A3, B2, A1).swapped()).isEqualTo(Set.of(3L));
        assertThat(check(A3, B2, A1)).matches(check -> !check.isAtLeastOnceInOrder());
    }

    @Test
    void whatWasNeverCommittedIsNoticed() {
        assertThat(check(A1, B2, A3, new Item(4, "a")).unfounded()).isEqualTo(Set.of(4L));
    }

    private static DeliveryCheck check(Item... delivered) {
        return DeliveryCheck.of(COMMITTED, List.of(delivered));
    }
}
