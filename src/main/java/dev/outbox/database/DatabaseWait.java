package dev.outbox.database;

import dev.outbox.logging.LogValue;
import java.net.UnknownHostException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Properties;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/** A database that starts at the same time as the application may be a little late. */
final class DatabaseWait {

    private static final Log log = LogFactory.getLog(DatabaseWait.class);
    private static final Duration PAUSE = Duration.ofSeconds(1);
    private static final int LINE_EVERY = 5;

    private DatabaseWait() {}

    /**
     * Returns when the database takes a connection.
     *
     * @throws NoDatabaseException if it refuses it for a reason that waiting does not mend, or the time is up
     */
    static void untilItAnswers(JdbcAddress address, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        for (int attempt = 0; ; attempt++) {
            try (Connection connection = connect(address)) {
                log.debug("Connected to " + connection);
                return;
            } catch (SQLException e) {
                if (!mayPass(e)) {
                    throw failure(address, "refuses the connection", e);
                }
                if (System.nanoTime() > deadline) {
                    throw failure(address, "did not answer within " + patience.toSeconds() + " s", e);
                }
                if (attempt % LINE_EVERY == 0) {
                    log.warn("Waiting for the database at " + address + ": " + LogValue.quoted(reason(e)));
                }
                pause(address, e);
            }
        }
    }

    private static Connection connect(JdbcAddress address) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", address.user());
        if (address.password() != null) {
            properties.setProperty("password", address.password());
        }
        properties.setProperty("connectTimeout", "3");
        properties.setProperty("socketTimeout", "10");
        return DriverManager.getConnection(address.url(), properties);
    }

    /** SQLSTATE class 08, no connection; 53, too many; 57, starting or stopping. */
    private static boolean mayPass(SQLException failure) {
        String state = failure.getSQLState();
        return state != null && (state.startsWith("08") || state.startsWith("53") || state.startsWith("57"));
    }

    private static void pause(JdbcAddress address, SQLException last) {
        try {
            Thread.sleep(PAUSE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failure(address, "was not waited for", last);
        }
    }

    /** The driver's words, which leave out that a name is unknown. */
    private static String reason(SQLException failure) {
        return failure.getCause() instanceof UnknownHostException unknown
                ? "unknown host " + unknown.getMessage()
                : String.valueOf(failure.getMessage());
    }

    private static NoDatabaseException failure(JdbcAddress address, String what, SQLException cause) {
        return new NoDatabaseException(
                "The database at " + address + " " + what + ": " + reason(cause),
                "Check spring.r2dbc.url, username and password (SPRING_R2DBC_URL, …_USERNAME, …_PASSWORD). Without them a"
                        + " PostgreSQL is embedded.",
                cause);
    }
}
