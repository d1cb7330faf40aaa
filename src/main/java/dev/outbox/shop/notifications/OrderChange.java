package dev.outbox.shop.notifications;

import dev.outbox.handler.Event;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a client is told about, from the payload of an event. */
record OrderChange(long clientId, int items) {

    /** Its own, so that no setting of the API changes how events are read. */
    private static final JsonMapper JSON = JsonMapper.shared();

    /** @throws tools.jackson.core.JacksonException if the payload does not name the client and the items */
    static OrderChange of(Event event) {
        JsonNode payload = JSON.readTree(event.payload());
        return new OrderChange(
                payload.required("clientId").longValue(),
                payload.required("itemIds").size());
    }
}
