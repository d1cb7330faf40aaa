package dev.outbox.log;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonRawValue;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What an operator asked for, and what came of it.
 *
 * @param reason why, as the operator said
 * @param requestedBy who asked, as the call said
 * @param appliedAt when it took effect; null while it waits for the leader of the subscription
 * @param appliedBy the instance that applied it
 * @param result a JSON object, as text: what it did; with {@code error} if it did nothing because it could not
 */
public record Action(
        long id,
        String subscription,
        Name name,
        Arguments arguments,
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
        @JsonValue
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Name of(String text) {
            return valueOf(text.toUpperCase(Locale.ROOT));
        }
    }

    @JsonIgnore
    public boolean isApplied() {
        return appliedAt != null;
    }
}
