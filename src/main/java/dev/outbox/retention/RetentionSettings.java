package dev.outbox.retention;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * @param partitionEvents how many ids a new partition spans
 * @param partitionsAhead how many empty partitions are kept ahead of the ids, at least
 * @param retention events are kept that long, at least; 0 keeps them for ever
 * @param checkEvery how often partitions are looked after
 */
@ConfigurationProperties("outbox.log")
record RetentionSettings(
        @DefaultValue("1000000") long partitionEvents,
        @DefaultValue("4") int partitionsAhead,
        @DefaultValue("30d") Duration retention,
        @DefaultValue("10s") Duration checkEvery) {

    RetentionSettings {
        require(partitionEvents >= 1_000, "partition-events must be 1000 or more, not " + partitionEvents);
        require(
                partitionsAhead >= 1 && partitionsAhead <= Partitions.MOST_AHEAD,
                "partitions-ahead must be from 1 to " + Partitions.MOST_AHEAD + ", not " + partitionsAhead);
        require(!retention.isNegative(), "retention must be 0 or more, not " + retention);
        require(checkEvery.toMillis() > 0, "check-every must be more than 0, not " + checkEvery);
    }

    private static void require(boolean met, String message) {
        if (!met) {
            throw new IllegalArgumentException("outbox.log." + message);
        }
    }
}
