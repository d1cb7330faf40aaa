package dev.outbox.peers.namastack;

import dev.outbox.peers.Drain;
import io.namastack.outbox.handler.OutboxRecordMetadata;
import io.namastack.outbox.handler.OutboxTypedHandler;
import org.springframework.stereotype.Component;

@Component
class Counter implements OutboxTypedHandler<Thing> {

    private final Drain drain;

    Counter(Drain drain) {
        this.drain = drain;
    }

    @Override
    public void handle(Thing thing, OutboxRecordMetadata metadata) {
        drain.handle();
    }
}
