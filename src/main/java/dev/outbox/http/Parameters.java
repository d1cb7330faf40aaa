package dev.outbox.http;

import dev.outbox.problems.Problem;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.web.reactive.function.server.ServerRequest;

/** The query parameters of a request, read strictly: what is unknown, given twice or out of range is a {@link Problem}. */
public final class Parameters {

    private static final Pattern DIGITS = Pattern.compile("[0-9]{1,19}");

    private final Map<String, List<String>> values;

    private Parameters(Map<String, List<String>> values) {
        this.values = values;
    }

    /**
     * Checks that the call knows all parameters.
     *
     * @param names those that it knows
     */
    public static Parameters of(ServerRequest request, String... names) {
        List<String> known = List.of(names);
        request.queryParams().forEach((name, values) -> {
            if (!known.contains(name)) {
                throw Problem.invalidParameter(
                        name,
                        "There is no query parameter `" + name + "` here; "
                                + (known.isEmpty() ? "none is." : "there are " + String.join(", ", known) + "."));
            }
            if (values.size() > 1) {
                throw Problem.invalidParameter(name, "`" + name + "` is given more than once; give it once.");
            }
        });
        return new Parameters(request.queryParams());
    }

    /** The number that stands in the path as {@code {id}}. */
    public static long id(ServerRequest request) {
        return number("id", request.pathVariable("id"), 1, Long.MAX_VALUE);
    }

    /** The value, or null if the parameter is not given. */
    public @Nullable String text(String name) {
        List<String> given = values.get(name);
        // `?name` without a value comes as null
        return given == null ? null : String.valueOf(given.get(0));
    }

    /** The value, or null if the parameter is not given. */
    public @Nullable Long number(String name, long least, long most) {
        String text = text(name);
        return text == null ? null : number(name, text, least, most);
    }

    private static long number(String name, String text, long least, long most) {
        if (DIGITS.matcher(text).matches()) {
            try {
                long number = Long.parseLong(text);
                if (number >= least && number <= most) {
                    return number;
                }
            } catch (NumberFormatException beyondLong) {
                // told below
            }
        }
        throw Problem.invalidParameter(
                name, "`" + name + "` must be a whole number from " + least + " to " + most + ".");
    }
}
