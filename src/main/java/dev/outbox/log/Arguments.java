package dev.outbox.log;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.math.BigInteger;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/**
 * What an action is about; what is null restricts nothing.
 *
 * @param from where a replay begins: an event id or an instant (ISO 8601); null for the beginning of the log
 * @param aggregateType with a key: of which kind of thing it is; null if only one kind has such a key
 * @param key only this key
 * @param type only events of this type
 * @param rate events per second at most
 * @param eventId only this event
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Arguments(
        @Nullable String from,
        @Nullable String aggregateType,
        @Nullable String key,
        @Nullable String type,
        @Nullable Integer rate,
        @Nullable Long eventId) {

    /** About the subscription as a whole. */
    public static final Arguments NONE = new Arguments(null, null, null, null, null, null);

    /** The highest rate that can be asked for, in events per second. */
    public static final int FASTEST = 1_000_000;

    /** Times that PostgreSQL takes, with room: it knows 4713 BC to 294276 AD. */
    private static final Instant EARLIEST = Instant.parse("0001-01-01T00:00:00Z");

    private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59Z");

    private static final Pattern ID = Pattern.compile("[1-9][0-9]{0,18}");

    /** Knows how to read before the first text comes: finding that out takes a lock, which no event loop may wait for. */
    private static final ObjectReader READER = JsonMapper.shared().reader();

    /**
     * Reads the arguments of an action strictly: what it does not know is refused, since what is left out means all.
     *
     * @return fails with an {@link IllegalArgumentException} that says what would be right
     */
    static Arguments of(Action.Name name, String json) {
        List<String> known = known(name);
        JsonNode node = read(json);
        if (!node.isObject()) {
            throw new IllegalArgumentException("The arguments must be a JSON object");
        }
        for (String given : node.propertyNames()) {
            if (!known.contains(given)) {
                throw new IllegalArgumentException("There is no argument \"" + given + "\" of " + name.text()
                        + ", only " + String.join(", ", known));
            }
        }
        if (node.has("all") && !(node.get("all").isBoolean() && node.get("all").booleanValue() && node.size() == 1)) {
            throw new IllegalArgumentException("\"all\" must be true, and alone");
        }
        if (node.has("aggregateType") && !node.has("key")) {
            throw new IllegalArgumentException("\"aggregateType\" must be beside \"key\"");
        }
        return new Arguments(
                from(node.get("from")),
                text("aggregateType", node.get("aggregateType")),
                text("key", node.get("key")),
                text("type", node.get("type")),
                rate(node.get("rate")),
                id("eventId", node.get("eventId")));
    }

    private static List<String> known(Action.Name name) {
        return switch (name) {
            case PAUSE, RESUME -> List.of();
            case REPLAY -> List.of("from", "aggregateType", "key", "type", "rate");
            case RETRY, DISCARD -> List.of("eventId", "aggregateType", "key", "all");
        };
    }

    static JsonNode read(String json) {
        try {
            return READER.readTree(json);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("The arguments can't be read: " + e.getOriginalMessage(), e);
        }
    }

    private static @Nullable String from(@Nullable JsonNode node) {
        String from = text("from", node);
        if (from == null || from.equals("beginning")) {
            return null;
        }
        if (isId(from) || isTime(from)) {
            return from;
        }
        throw new IllegalArgumentException(
                "\"from\" must be \"beginning\", the id of an event, or a time such as \"2026-01-31T12:00:00Z\", not \""
                        + from.substring(0, Math.min(from.length(), 40)) + "\"");
    }

    private static boolean isId(String text) {
        return ID.matcher(text).matches() && new BigInteger(text).bitLength() < Long.SIZE;
    }

    private static boolean isTime(String text) {
        try {
            return canBegin(Instant.parse(text));
        } catch (DateTimeParseException e) {
            return false;
        }
    }

    /** Whether a replay can be asked for from that time on: the years 1 to 9999. */
    public static boolean canBegin(Instant time) {
        return !time.isBefore(EARLIEST) && !time.isAfter(LATEST);
    }

    private static @Nullable String text(String name, @Nullable JsonNode node) {
        if (node == null || node.isNull()) {
            return null;
        }
        if (!node.isString() && !node.isIntegralNumber()) {
            throw new IllegalArgumentException("\"" + name + "\" must be a string");
        }
        return node.asString();
    }

    private static @Nullable Integer rate(@Nullable JsonNode node) {
        Long rate = id("rate", node);
        if (rate != null && rate > FASTEST) {
            throw new IllegalArgumentException("\"rate\" must be a whole number from 1 to " + FASTEST);
        }
        return rate == null ? null : (Integer) rate.intValue();
    }

    private static @Nullable Long id(String name, @Nullable JsonNode node) {
        String digits = text(name, node);
        if (digits == null) {
            return null;
        }
        if (!isId(digits)) {
            throw new IllegalArgumentException("\"" + name + "\" must be a whole number from 1");
        }
        return Long.valueOf(digits);
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
