package dev.outbox.database;

import dev.outbox.TestDatabase;
import io.r2dbc.spi.ConnectionFactoryOptions;

/** The application's own connections, to a test's database. */
public final class TestConnections {

    private TestConnections() {}

    public static Connections to(TestDatabase database) {
        return to(database.r2dbcUrl());
    }

    public static Connections to(String r2dbcUrl) {
        ConnectionFactoryOptions options = ConnectionFactoryOptions.parse(r2dbcUrl)
                .mutate()
                .option(ConnectionFactoryOptions.USER, TestDatabase.USER)
                .option(ConnectionFactoryOptions.PASSWORD, TestDatabase.PASSWORD)
                .build();
        return new Connections(() -> options);
    }
}
