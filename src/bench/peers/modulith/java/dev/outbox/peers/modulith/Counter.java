package dev.outbox.peers.modulith;

import dev.outbox.peers.Drain;
import org.springframework.modulith.events.ApplicationModuleListener;
import org.springframework.stereotype.Component;

@Component
class Counter {

    private final Drain drain;

    Counter(Drain drain) {
        this.drain = drain;
    }

    @ApplicationModuleListener
    void count(Thing thing) {
        drain.handle();
    }
}
