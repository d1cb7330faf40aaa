package dev.outbox.operations;

import dev.outbox.relay.Relay;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/**
 * Up while this instance hears the bell: its session with the server is alive, whether it leads or stands by. Up also where it
 * delivers by polling, because no session can be had; the state says so.
 */
@Component("listenerHealthIndicator")
final class ListenerHealth implements ReactiveHealthIndicator {

    private final Relay relay;

    ListenerHealth(Relay relay) {
        this.relay = relay;
    }

    @Override
    public Mono<Health> health() {
        return Mono.fromSupplier(() -> (hears(relay.state()) ? Health.up() : Health.down())
                .withDetail("state", relay.state())
                .withDetail("instance", relay.instance())
                .withDetail("subscriptions", relay.leads())
                .build());
    }

    private static boolean hears(Relay.State state) {
        return state == Relay.State.LEADING || state == Relay.State.STANDING_BY || state == Relay.State.POLLING;
    }
}
