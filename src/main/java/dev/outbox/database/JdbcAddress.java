package dev.outbox.database;

import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.CURRENT_SCHEMA;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SCHEMA;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SOCKET;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SSL_CERT;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SSL_KEY;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SSL_MODE;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SSL_MODE_ALIAS;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SSL_PASSWORD;
import static io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider.SSL_ROOT_CERT;
import static io.r2dbc.spi.ConnectionFactoryOptions.DATABASE;
import static io.r2dbc.spi.ConnectionFactoryOptions.HOST;
import static io.r2dbc.spi.ConnectionFactoryOptions.PASSWORD;
import static io.r2dbc.spi.ConnectionFactoryOptions.PORT;
import static io.r2dbc.spi.ConnectionFactoryOptions.SSL;
import static io.r2dbc.spi.ConnectionFactoryOptions.USER;

import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.Option;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.liquibase.autoconfigure.LiquibaseConnectionDetails;

/**
 * Where Liquibase, which speaks JDBC, finds the database that the application uses through R2DBC: host, port, database, schema,
 * user, password and TLS settings, in the other driver's words. (It is {@link JdbcConnectionDetails} too because that alone switches
 * Spring Boot's Liquibase on.)
 */
record JdbcAddress(String url, String user, @Nullable String password)
        implements LiquibaseConnectionDetails, JdbcConnectionDetails {

    static JdbcAddress of(ConnectionFactoryOptions options) {
        if (options.hasOption(SOCKET)) {
            throw new IllegalArgumentException(
                    "spring.r2dbc.url names a Unix socket, which JDBC can't use: set spring.liquibase.url too");
        }
        String user = text(options, USER, "postgres");
        String url =
                "jdbc:postgresql://" + hosts(options) + "/" + encoded(text(options, DATABASE, user)) + query(options);
        return new JdbcAddress(url, user, options.hasOption(PASSWORD) ? text(options, PASSWORD, "") : null);
    }

    @Override
    public String getJdbcUrl() {
        return url;
    }

    @Override
    public String getUsername() {
        return user;
    }

    @Override
    public @Nullable String getPassword() {
        return password;
    }

    @Override
    public String getDriverClassName() {
        return "org.postgresql.Driver";
    }

    /** Without the settings: one of them is a password. */
    @Override
    public String toString() {
        return url.replaceFirst("\\?.*", "");
    }

    /** One host, or several as in {@code r2dbc:postgresql:failover://one,two:5433/outbox}. */
    private static String hosts(ConnectionFactoryOptions options) {
        String port = text(options, PORT, "5432");
        return Stream.of(text(options, HOST, "localhost").split(","))
                .map(host -> host.matches(".*[^:]:\\d+") ? host : host + ":" + port)
                .collect(Collectors.joining(","));
    }

    private static String query(ConnectionFactoryOptions options) {
        Map<String, String> query = new LinkedHashMap<>();
        if (text(options, HOST, "").contains(",")) {
            query.put("targetServerType", "primary");
        }
        // Said, since a user who is named like the schema "outbox" would otherwise have that first in its search path.
        put(query, "currentSchema", text(options, CURRENT_SCHEMA, text(options, SCHEMA, "public")));
        put(query, "sslmode", sslMode(options));
        put(query, "sslrootcert", text(options, SSL_ROOT_CERT, ""));
        put(query, "sslcert", text(options, SSL_CERT, ""));
        put(query, "sslkey", text(options, SSL_KEY, ""));
        put(query, "sslpassword", text(options, SSL_PASSWORD, ""));
        if (sslMode(options).startsWith("verify") && !options.hasOption(SSL_ROOT_CERT)) {
            // R2DBC's driver then trusts whom the JVM trusts; JDBC's would look for ~/.postgresql/root.crt.
            query.put("sslfactory", "org.postgresql.ssl.DefaultJavaSSLFactory");
        }
        return query.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + encoded(entry.getValue()))
                .collect(Collectors.collectingAndThen(Collectors.joining("&"), all -> all.isEmpty() ? "" : "?" + all));
    }

    private static String sslMode(ConnectionFactoryOptions options) {
        String fallback = Boolean.parseBoolean(text(options, SSL, "false")) ? "verify-full" : "";
        String mode = text(options, SSL_MODE, text(options, SSL_MODE_ALIAS, fallback));
        return mode.toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static void put(Map<String, String> query, String name, String value) {
        if (!value.isEmpty()) {
            query.put(name, value);
        }
    }

    private static String text(ConnectionFactoryOptions options, Option<?> option, String fallback) {
        Object value = options.getValue(option);
        return value == null ? fallback : value.toString();
    }

    private static String encoded(String value) {
        return URLEncoder.encode(value, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
