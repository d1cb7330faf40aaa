package dev.outbox.log;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/**
 * What an action is about; what is null restricts nothing.
 *
 * @param from where a replay begins: an event id or an instant (ISO 8601); null for the beginning of the log
 * @param key only this key
 * @param type only events of this type
 * @param rate events per second at most
 * @param eventId only this event
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Arguments(
        @Nullable String from,
        @Nullable String key,
        @Nullable String type,
        @Nullable Integer rate,
        @Nullable Long eventId) {

    /** About the subscription as a whole. */
    public static final Arguments NONE = new Arguments(null, null, null, null, null);

    /** Knows how to read before the first text comes: finding that out takes a lock, which no event loop may wait for. */
    private static final ObjectReader READER = JsonMapper.shared().readerFor(Arguments.class);

    static Arguments of(String json) {
        return READER.readValue(json);
    }

    String json() {
        return JsonMapper.shared().writeValueAsString(this);
    }

    /** Whether it is about some of the keys or types, not about all that is in the log. */
    @JsonIgnore
    public boolean isSelective() {
        return key != null || type != null;
    }
}
