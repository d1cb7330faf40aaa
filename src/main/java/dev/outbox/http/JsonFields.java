package dev.outbox.http;

import dev.outbox.problems.Problem;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/** The fields of one JSON object, read strictly: nothing is coerced, skipped or guessed. What is wrong is a {@link Problem}. */
public final class JsonFields {

    private static final int MOST_IDS = 100;

    /** Reads values one by one, so what follows a value is no fault. */
    private static final ObjectReader JSON =
            JsonMapper.shared().reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final Map<String, JsonNode> fields;

    private JsonFields(Map<String, JsonNode> fields) {
        this.fields = fields;
    }

    /** Reads one object that has no other fields than the known ones. */
    public static JsonFields of(ByteBuffer utf8, String... known) {
        if (!utf8.hasRemaining()) {
            throw Problem.invalidBody("The body is empty; it must be a JSON object with " + list(known) + ".");
        }
        try (JsonParser parser = JSON.createParser(decode(utf8))) {
            return read(parser, known);
        } catch (JacksonException e) {
            throw Problem.invalidBody("This is not valid JSON; it must be one JSON object with " + list(known) + ".");
        }
    }

    private static JsonFields read(JsonParser parser, String... known) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw Problem.invalidBody("This must be a JSON object with " + list(known) + ".");
        }
        Map<String, JsonNode> fields = new HashMap<>();
        for (String name = parser.nextName(); name != null; name = parser.nextName()) {
            if (!List.of(known).contains(name)) {
                throw Problem.invalidBody("There is no field `" + clip(name) + "` here, only " + list(known) + ".");
            }
            parser.nextToken();
            if (fields.put(name, JSON.readTree(parser)) != null) {
                throw Problem.invalidBody("`" + name + "` is there twice; give it once.");
            }
        }
        if (parser.nextToken() != null) {
            throw Problem.invalidBody("Something follows the JSON object; it must stand alone.");
        }
        return new JsonFields(fields);
    }

    public boolean has(String name) {
        return fields.containsKey(name);
    }

    /** A whole number from 1. */
    public long number(String name) {
        Long number = wholeNumber(field(name));
        if (number == null) {
            throw wrong(name, "a whole number from 1 to " + Long.MAX_VALUE, field(name));
        }
        return number;
    }

    /** The number, or null if the field is not there. */
    public @Nullable Long optionalNumber(String name) {
        return has(name) ? (Long) number(name) : null;
    }

    /** A string of 1 to {@code most} characters that is not blank. */
    public String text(String name, int most) {
        JsonNode node = field(name);
        String text = node.isString() ? node.stringValue() : "";
        if (text.isBlank() || text.length() > most) {
            throw wrong(name, "a string of 1 to " + most + " characters", node);
        }
        if (!text.codePoints().allMatch(JsonFields::isStorable)) {
            throw Problem.invalidBody("`" + name
                    + "` has a NUL or half of a surrogate pair in it, which no text of PostgreSQL can hold.");
        }
        return text;
    }

    private static boolean isStorable(int point) {
        return point != 0 && (point < Character.MIN_SURROGATE || point > Character.MAX_SURROGATE);
    }

    /** The string, or null if the field is not there. */
    public @Nullable String optionalText(String name, int most) {
        return has(name) ? text(name, most) : null;
    }

    /** What the field says as JSON; false if it is not there. */
    public boolean flag(String name) {
        if (!has(name)) {
            return false;
        }
        JsonNode node = field(name);
        if (!node.isBoolean()) {
            throw wrong(name, "true or false", node);
        }
        return node.booleanValue();
    }

    /**
     * One of several strings.
     *
     * @param value what a string stands for, or null if it stands for nothing
     * @param names the strings that stand for something, for people
     */
    public <T> T oneOf(String name, Function<String, @Nullable T> value, String names) {
        JsonNode node = field(name);
        T found = node.isString() ? value.apply(node.stringValue()) : null;
        if (found == null) {
            throw wrong(name, "one of " + names, node);
        }
        return found;
    }

    /** A string, or the digits of a whole number from 1; for a field that may be either. */
    public String textOrNumber(String name, int most) {
        Long number = wholeNumber(field(name));
        return number == null ? text(name, most) : number.toString();
    }

    /** An array of 1 to 100 different whole numbers from 1. */
    public List<Long> numbers(String name) {
        JsonNode node = field(name);
        String right = "an array of 1 to " + MOST_IDS + " different whole numbers from 1";
        if (!node.isArray()) {
            throw wrong(name, right, node);
        }
        Set<Long> numbers = new LinkedHashSet<>();
        for (JsonNode element : node) {
            Long number = wholeNumber(element);
            if (number == null) {
                throw Problem.invalidBody("`" + name + "` must be " + right + "; it has " + kind(element) + " in it.");
            }
            if (!numbers.add(number)) {
                throw Problem.invalidBody("`" + name + "` must be " + right + "; it has " + number + " twice.");
            }
        }
        if (numbers.isEmpty() || numbers.size() > MOST_IDS) {
            throw Problem.invalidBody("`" + name + "` must be " + right + "; it has " + numbers.size() + ".");
        }
        return new ArrayList<>(numbers);
    }

    private JsonNode field(String name) {
        JsonNode node = fields.get(name);
        if (node == null) {
            throw Problem.invalidBody("The field `" + name + "` is missing.");
        }
        return node;
    }

    private static @Nullable Long wholeNumber(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToLong() && node.longValue() > 0 ? node.longValue() : null;
    }

    private static Problem wrong(String name, String right, JsonNode node) {
        return Problem.invalidBody("`" + name + "` must be " + right + ", not " + kind(node) + ".");
    }

    private static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case STRING -> "the string \"" + clip(node.stringValue()) + "\"";
            case NUMBER -> clip(node.toString());
            case BOOLEAN, NULL -> node.toString();
            case ARRAY -> "an array";
            default -> "an object";
        };
    }

    /** Jackson would guess the encoding, and take some of what is not UTF-8. */
    private static String decode(ByteBuffer utf8) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
        } catch (CharacterCodingException e) {
            throw Problem.invalidBody("This is not valid UTF-8; JSON must be.");
        }
    }

    private static String list(String... names) {
        return "`" + String.join("`, `", names) + "`";
    }

    private static String clip(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
}
