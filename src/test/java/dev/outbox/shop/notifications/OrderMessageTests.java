package dev.outbox.shop.notifications;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.handler.Event;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;

class OrderMessageTests {

    private static final Instant TIME = Instant.parse("2026-11-23T05:07:09.123456Z");

    @ParameterizedTest
    @CsvSource({
        "order.created, Order 12 has been received",
        "order.shipped, Order 12 has been shipped",
        "order.backordered, Order 12 is waiting for stock",
        "order.reopened, Order 12 is being prepared again",
        "order.canceled, Order 12 has been canceled"
    })
    void theSubjectSaysWhatHappened(String type, String subject) {
        assertThat(OrderMessage.of(event(type, "{}"), new OrderChange(3, 2), "Client 3")
                        .subject())
                .isEqualTo(subject);
    }

    @Test
    void theTextSaysItToTheClient() {
        assertThat(OrderMessage.of(event("order.shipped", "{}"), new OrderChange(3, 2), "Zoë & Söhne")
                        .text())
                .isEqualTo("""
                        Hello Zoë & Söhne,

                        Order 12 has been shipped.

                        Items: 2
                        Time: 23 November 2026, 05:07 UTC
                        """);
    }

    @Test
    void thereAreWordsForEachTypeThatIsWanted() {
        assertThat(OrderMessage.TYPES)
                .containsExactlyInAnyOrder(
                        "order.created", "order.shipped", "order.backordered", "order.reopened", "order.canceled");
    }

    @Test
    void thePayloadMayHoldMoreThanIsWanted() {
        assertThat(OrderChange.of(event("order.shipped", """
                        {"clientId": 9007199254740993, "itemIds": [4, 9], "previousStatus": null, "new": {}}"""))).isEqualTo(new OrderChange(9_007_199_254_740_993L, 2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"{\"itemIds\": []}", "{\"clientId\": \"x\", \"itemIds\": []}", "{\"clientId\": 1}", "no JSON"})
    void aPayloadWithoutAClientOrItemsIsAnError(String payload) {
        assertThatThrownBy(() -> OrderChange.of(event("order.shipped", payload)))
                .isInstanceOf(JacksonException.class);
    }

    private static Event event(String type, String payload) {
        return new Event(7, "order", "12", type, TIME, payload, null);
    }
}
