package dev.outbox.relay;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * @param safetyPoll how long a subscription sleeps at most, should the bell be broken
 * @param stopWithin how long a stop waits for the events in flight
 */
@ConfigurationProperties("outbox.relay")
record RelaySettings(
        @DefaultValue("1s") Duration safetyPoll,
        @DefaultValue("10s") Duration stopWithin) {}
