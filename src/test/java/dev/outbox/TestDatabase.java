package dev.outbox;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.PostgresqlConnectionFactoryProvider;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import liquibase.Contexts;
import liquibase.Liquibase;
import liquibase.Scope;
import liquibase.database.jvm.JdbcConnection;
import liquibase.resource.ClassLoaderResourceAccessor;
import liquibase.ui.LoggerUIService;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.testcontainers.postgresql.PostgreSQLContainer;

/**
 * A real PostgreSQL for tests, and a fresh database with the schema and the demo data for each test class.
 *
 * <p>The server is an embedded one; or with {@code -Doutbox.test.server=container} one in a container; or with
 * {@code -Doutbox.test.server=host:port} any other, as user postgres with the password postgres. It is started once and serves
 * the whole run.
 */
public record TestDatabase(String host, int port, String name) {

    public static final String USER = "postgres";
    public static final String PASSWORD = "postgres";

    private static final AtomicInteger COUNT = new AtomicInteger();

    /** A new database with the schema, ten clients, a hundred items and a thousand orders. */
    public static TestDatabase fresh() {
        TestDatabase database = new TestDatabase(
                Server.HOST, Server.PORT, "test_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet());
        Server.ADMIN.execute("create database " + database.name + " template " + Server.TEMPLATE);
        return database;
    }

    /** A new database with nothing in it. */
    public static TestDatabase empty() {
        TestDatabase database = new TestDatabase(
                Server.HOST, Server.PORT, "test_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet());
        Server.ADMIN.execute("create database " + database.name + " template template0");
        return database;
    }

    /** A server in a container, of its own. */
    @SuppressWarnings("resource") // the caller's
    public static PostgreSQLContainer container() {
        PostgreSQLContainer container = new PostgreSQLContainer("postgres:18-alpine")
                .withUsername(USER)
                .withPassword(PASSWORD)
                .withCommand("postgres", "-c", "max_prepared_transactions=10", "-c", "max_connections=300");
        container.start();
        return container;
    }

    /** The container's database, with the schema and the demo data. */
    public static TestDatabase in(PostgreSQLContainer container) {
        TestDatabase database =
                new TestDatabase(container.getHost(), container.getMappedPort(5432), container.getDatabaseName());
        migrate(database);
        return database;
    }

    /** Makes the schema and the demo data. */
    public TestDatabase migrated() {
        migrate(this);
        return this;
    }

    /** Sets the application's database. */
    public void configure(DynamicPropertyRegistry registry) {
        registry.add("spring.r2dbc.url", this::r2dbcUrl);
        registry.add("spring.r2dbc.username", () -> USER);
        registry.add("spring.r2dbc.password", () -> PASSWORD);
    }

    public String r2dbcUrl() {
        return "r2dbc:postgresql://" + host + ":" + port + "/" + name;
    }

    public String jdbcUrl() {
        return "jdbc:postgresql://" + host + ":" + port + "/" + name;
    }

    public Connection connect() throws SQLException {
        return DriverManager.getConnection(jdbcUrl(), USER, PASSWORD);
    }

    /** Runs statements in a session of their own, each committed at once. */
    public void execute(String sql) {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    /** The first column of the first row. */
    public String value(String sql) {
        try (Connection connection = connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    public long number(String sql) {
        return Long.parseLong(value(sql));
    }

    public PostgresqlConnectionFactory connections() {
        return new PostgresqlConnectionFactoryProvider()
                .create(ConnectionFactoryOptions.parse(r2dbcUrl())
                        .mutate()
                        .option(ConnectionFactoryOptions.USER, USER)
                        .option(ConnectionFactoryOptions.PASSWORD, PASSWORD)
                        .build());
    }

    public ConnectionPool pool(int size) {
        return new ConnectionPool(ConnectionPoolConfiguration.builder(connections())
                .initialSize(0)
                .maxSize(size)
                .maxAcquireTime(Duration.ofSeconds(20))
                .build());
    }

    private static void migrate(TestDatabase template) {
        template.migrate(1_000);
    }

    /** Makes the schema and the demo data. */
    public void migrate(int orders) {
        try (Connection connection = connect();
                Liquibase liquibase = new Liquibase(
                        "db/changelog/db.changelog-master.yaml",
                        new ClassLoaderResourceAccessor(),
                        new JdbcConnection(connection))) {
            Logger.getLogger("liquibase").setLevel(Level.WARNING);
            liquibase.setChangeLogParameter("demo-orders", orders);
            Scope.child(Scope.Attr.ui, new LoggerUIService(), () -> liquibase.update(new Contexts("demo")));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Started when first asked for. */
    private static final class Server {

        static final String TEMPLATE =
                "outbox_template_" + ProcessHandle.current().pid();
        static final String HOST;
        static final int PORT;
        static final TestDatabase ADMIN;

        static {
            String server = System.getProperty("outbox.test.server", "embedded");
            switch (server) {
                case "embedded" -> {
                    HOST = "localhost";
                    PORT = embedded().getPort();
                }
                case "container" -> {
                    PostgreSQLContainer container = TestDatabase.container();
                    HOST = container.getHost();
                    PORT = container.getMappedPort(5432);
                }
                default -> {
                    HOST = server.substring(0, server.lastIndexOf(':'));
                    PORT = Integer.parseInt(server.substring(server.lastIndexOf(':') + 1));
                }
            }
            ADMIN = new TestDatabase(HOST, PORT, "postgres");
            ADMIN.execute("create database " + TEMPLATE);
            migrate(new TestDatabase(HOST, PORT, TEMPLATE));
        }

        private static EmbeddedPostgres embedded() {
            try {
                return EmbeddedPostgres.builder()
                        .setServerConfig("max_prepared_transactions", "10")
                        .start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
