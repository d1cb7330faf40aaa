package com.example.packing;

import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.TransactionalHandler;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.Set;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

@Component
final class ShipmentCount implements TransactionalHandler {

    @Override
    public String name() {
        return "shipment-count";
    }

    @Override
    public Set<String> types() {
        return Set.of("order.shipped");
    }

    @Override
    public Mono<Void> handle(List<Event> events, PostgresqlConnection connection) {
        return Database.update(connection, "update shipment_count set total = total + $1", events.size())
                .then();
    }
}
