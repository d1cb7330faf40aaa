package dev.outbox.log;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonRawValue;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What an operator asked for, and what came of it: as it is in the table, where anybody who may can have put anything. Only
 * {@link #what} and {@link #about} read it.
 *
 * @param arguments a JSON value, as text
 * @param reason why, as the operator said
 * @param requestedBy who asked, as the call said
 * @param appliedAt when it took effect, or was cancelled; null while it waits for the leader of the subscription
 * @param appliedBy the instance that applied it, or who cancelled it
 * @param result a JSON value, as text: what it did; with {@code error} if it did nothing because it could not
 */
public record Action(
        long id,
        String subscription,
        String name,
        @JsonRawValue String arguments,
        @Nullable String reason,
        String requestedBy,
        Instant requestedAt,
        @Nullable Instant appliedAt,
        @Nullable String appliedBy,
        @JsonRawValue @Nullable String result) {

    /** What can be asked for. */
    public enum Name {
        PAUSE,
        RESUME,
        REPLAY,
        RETRY,
        DISCARD;

        /** In JSON and in the database. */
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @JsonIgnore
    public boolean isApplied() {
        return appliedAt != null;
    }

    /** What is asked for; fails with an {@link IllegalArgumentException}, such as when a later version knows more. */
    public Name what() {
        return Arrays.stream(Name.values())
                .filter(known -> known.text().equals(name))
                .findAny()
                .orElseThrow(() -> new IllegalArgumentException("There is no action \"" + name + "\" here, only "
                        + Arrays.stream(Name.values()).map(Name::text).collect(Collectors.joining(", "))));
    }

    /** Of which kinds of things its key is, if it did nothing because they are several. */
    @JsonIgnore
    public List<String> aggregateTypes() {
        if (result == null) {
            return List.of();
        }
        List<String> types = new ArrayList<>();
        Arguments.read(result).path("aggregateTypes").forEach(type -> types.add(type.asString()));
        return types;
    }

    /** What it is about; fails with an {@link IllegalArgumentException} that says what would be right. */
    public Arguments about() {
        return Arguments.of(what(), arguments);
    }
}
