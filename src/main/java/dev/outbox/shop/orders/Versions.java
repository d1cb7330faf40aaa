package dev.outbox.shop.orders;

import dev.outbox.problems.Problem;
import java.util.List;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The versions of an order that a change may be made to.
 *
 * @param list separated by commas; empty if no version will do, null if any will
 */
record Versions(@Nullable String list) {

    static final Versions ANY = new Versions(null);

    /** RFC 9110, 8.8.3; a list may have empty elements. */
    private static final Pattern TAG =
            Pattern.compile("\\G[ \\t]*(?:(?<weak>W/)?\"(?<opaque>[\\x21\\x23-\\x7e\\x80-\\xff]*)\")?[ \\t]*(?:,|$)");

    private static final Pattern VERSION = Pattern.compile("[1-9][0-9]{0,18}");

    static Versions exactly(long version) {
        return new Versions(Long.toString(version));
    }

    /** From the lines of the header {@code If-Match}. A weak tag, or one that is not ours, matches no version. */
    static Versions ifMatch(List<String> lines) {
        String header = String.join(",", lines).strip();
        if (lines.isEmpty() || header.equals("*")) {
            return ANY;
        }
        StringJoiner versions = new StringJoiner(",");
        Matcher tag = TAG.matcher(header);
        int end = 0;
        int tags = 0;
        while (end < header.length() && tag.find()) {
            end = tag.end();
            String opaque = tag.group("opaque");
            tags += opaque == null ? 0 : 1;
            if (opaque != null
                    && tag.group("weak") == null
                    && VERSION.matcher(opaque).matches()) {
                versions.add(opaque);
            }
        }
        if (end < header.length() || tags == 0) {
            throw Problem.invalidParameter(
                    "If-Match",
                    "`If-Match` must be * or a list of entity tags in double quotes, such as \"3\" or \"3\", \"4\".");
        }
        return new Versions(versions.toString());
    }
}
