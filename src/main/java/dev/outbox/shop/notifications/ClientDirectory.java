package dev.outbox.shop.notifications;

import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import io.r2dbc.spi.Readable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Mono;

/** Whom to tell. */
@Repository
final class ClientDirectory {

    /** Index clients_pkey. */
    private static final String CONTACT = """
            select name, email
            from clients
            where id = $1
            """;

    record Contact(String name, String email) {}

    private final Database database;

    ClientDirectory(@Qualifier("handlers") Database database) {
        this.database = database;
    }

    /** Empty if there is no such client. */
    Mono<Contact> contact(long clientId) {
        return database.query(ClientDirectory::contact, CONTACT, clientId)
                .flatMap(rows -> Mono.justOrEmpty(rows.stream().findFirst()));
    }

    private static Contact contact(Readable row) {
        return new Contact(text(row, "name"), text(row, "email"));
    }
}
