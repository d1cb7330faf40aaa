package dev.outbox.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outbox.log.Wanted;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a subscription is doing.
 *
 * @param state {@code running}; {@code failing} if a run of it ended with an error less than 30 s ago, and is tried again; {@code parked-full} if it reads no further because a million keys wait to be tried again; {@code paused};
 *     {@code circuit-open}; {@code held-by-stranger}; {@code nobody-leads}
 * @param holder who holds its lock and is no instance
 * @param types the event types it wants; empty for all
 * @param shard which part of the keys it has, from 1
 * @param shards how many parts there are; 1 if it has all keys
 * @param position what it has done; null before its first run
 * @param rate events of the log that it passed per second, in the last minute
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record SubscriptionReport(
        String name,
        String kind,
        List<String> types,
        int shard,
        int shards,
        String state,
        @Nullable String leader,
        @Nullable Holder holder,
        @Nullable At position,
        Lag lag,
        double rate,
        Parked parked,
        @Nullable Pause paused,
        @Nullable Circuit circuit,
        @Nullable Failure failure,
        @Nullable Replaying replaying,
        long waitingActions) {

    Wanted wanted() {
        return new Wanted(Set.copyOf(types), shard, shards);
    }

    /**
     * The stored position.
     *
     * @param high the highest id that is done
     * @param last in a window, events up to this id are done
     * @param windowEnd the highest id of the window that is being read; null at the tail
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record At(
            long generation,
            long high,
            @Nullable Long last,
            @Nullable Long windowEnd,
            Instant storedAt) {}

    /**
     * What the position has still to pass.
     *
     * @param more whether there are more than were counted
     * @param seconds the age of the oldest
     */
    record Lag(long events, boolean more, double seconds) {}

    /** What the position has passed although it is not done; counted up to 100,000. */
    record Parked(long retrying, long blocked, long dead, double oldestSeconds) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Pause(String by, Instant since, @Nullable String reason) {}

    record Circuit(Instant since, String error) {}

    /** The last run that ended with an error. */
    record Failure(Instant at, String error) {}

    /** Events up to {@code through} are delivered again. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Replaying(long through, @Nullable Integer rate) {}
}
