package dev.outbox.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Why a subscription has or has not delivered an event.
 *
 * @param state {@code of-another-shard}, {@code unwanted}, {@code done}, {@code discarded}, {@code waiting}, {@code retrying}, {@code blocked} or {@code dead}
 * @param why the same in words, with what else holds it up
 * @param behind of a waiting one: how many wanted events come before it; counted up to 100,000
 * @param blockedBy of a blocked one: the first event of its key
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record DeliveryReport(
        String subscription,
        String state,
        String why,
        @Nullable Long behind,
        @Nullable Long blockedBy,
        @Nullable Integer attempts,
        @Nullable Instant nextAttemptAt,
        @Nullable String error,
        SubscriptionReport.@Nullable Pause paused,
        SubscriptionReport.@Nullable Circuit circuit) {}
