package com.example.packing;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

@Component
final class PackingDesk implements Handler {

    private static final Logger log = LoggerFactory.getLogger(PackingDesk.class);

    @Override
    public String name() {
        return "packing-desk";
    }

    @Override
    public Set<String> types() {
        return Set.of("order.created", "order.reopened");
    }

    @Override
    public Mono<Void> handle(Event event) {
        return Mono.fromRunnable(() -> log.info("pack order {}", event.key()));
    }
}
