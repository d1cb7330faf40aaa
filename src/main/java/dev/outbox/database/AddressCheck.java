package dev.outbox.database;

import io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider;
import io.r2dbc.spi.ConnectionFactoryOptions;
import org.jspecify.annotations.Nullable;
import org.springframework.core.env.Environment;

/** Whether a configured address can be meant: the driver's own words for what is wrong come late, in a stack trace. */
final class AddressCheck {

    private static final String EXAMPLE = "r2dbc:postgresql://db.example.com:5432/outbox";

    private AddressCheck() {}

    /**
     * Checks {@code spring.r2dbc.url} and {@code spring.r2dbc.username} without connecting; no address at all is fine.
     *
     * @throws NoDatabaseException if they name no PostgreSQL or no user
     */
    static void check(Environment environment) {
        String url = environment.getProperty("spring.r2dbc.url");
        if (url == null) {
            return;
        }
        ConnectionFactoryOptions options = parse(url);
        if (!isPostgresql(options)) {
            throw wrong(null);
        }
        if (!options.hasOption(ConnectionFactoryOptions.USER)
                && environment.getProperty("spring.r2dbc.username", "").isEmpty()) {
            throw new NoDatabaseException(
                    "spring.r2dbc.url is set, but no user to connect as",
                    "Set spring.r2dbc.username and password (SPRING_R2DBC_USERNAME, SPRING_R2DBC_PASSWORD).",
                    null);
        }
    }

    private static ConnectionFactoryOptions parse(String url) {
        try {
            return ConnectionFactoryOptions.parse(url);
        } catch (IllegalArgumentException e) {
            throw wrong(e);
        }
    }

    /** {@code r2dbc:postgresql://…}, {@code r2dbc:postgresql:failover://…}, and both behind {@code r2dbc:pool:}. */
    private static boolean isPostgresql(ConnectionFactoryOptions options) {
        String driver = String.valueOf(options.getValue(ConnectionFactoryOptions.DRIVER));
        String behindPool = String.valueOf(options.getValue(ConnectionFactoryOptions.PROTOCOL))
                .split(":", 2)[0];
        String name = driver.equals("pool") ? behindPool : driver;
        return name.equals(PostgresqlConnectionFactoryProvider.POSTGRESQL_DRIVER)
                || name.equals(PostgresqlConnectionFactoryProvider.LEGACY_POSTGRESQL_DRIVER);
    }

    /** Without the address itself: there may be a password in it. */
    private static NoDatabaseException wrong(@Nullable Throwable cause) {
        return new NoDatabaseException(
                "spring.r2dbc.url is not the address of a PostgreSQL in R2DBC's form",
                "Write it like " + EXAMPLE + " (SPRING_R2DBC_URL). Without it a PostgreSQL is embedded.",
                cause);
    }
}
