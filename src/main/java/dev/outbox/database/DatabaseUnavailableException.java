package dev.outbox.database;

import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import io.r2dbc.spi.R2dbcTimeoutException;
import io.r2dbc.spi.R2dbcTransientResourceException;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The database could not be asked, or did not answer in time. */
public final class DatabaseUnavailableException extends RuntimeException {

    /** SQLSTATE classes (PostgreSQL, Appendix A): connection exception, insufficient resources, operator intervention, system error. */
    private static final Set<String> CLASSES = Set.of("08", "53", "57", "58");

    /** lock_not_available: lock_timeout ended the wait for a row. */
    private static final String LOCK_NOT_AVAILABLE = "55P03";

    /** query_canceled: statement_timeout ended the statement. */
    private static final String QUERY_CANCELED = "57014";

    /** read_only_sql_transaction: the server stands by for another, or was told to take no changes. */
    private static final String READ_ONLY = "25006";

    /** With these the server says that it has rolled back, and lives on. */
    private static final Set<String> ROLLED_BACK = Set.of(LOCK_NOT_AVAILABLE, QUERY_CANCELED, READ_ONLY);

    private final boolean asked;

    /** The SQLSTATE, or nothing. */
    private final String state;

    private DatabaseUnavailableException(@Nullable Throwable cause, String state, boolean asked) {
        super(message(state, asked), cause);
        this.state = state;
        this.asked = asked;
    }

    private static String message(String state, boolean asked) {
        return switch (state) {
            case READ_ONLY -> "The database takes no changes";
            case LOCK_NOT_AVAILABLE, QUERY_CANCELED -> "The database gave up in time";
            default -> asked ? "The database did not answer" : "The database could not be reached";
        };
    }

    /** More work waits for the database than it can do in time; this piece of it was not begun. */
    public static DatabaseUnavailableException overloaded() {
        return new DatabaseUnavailableException(null, "", false);
    }

    /** Somebody has held a lock for too long; this piece of work was not begun, since it would wait for the same lock. */
    public static DatabaseUnavailableException locked() {
        return new DatabaseUnavailableException(null, LOCK_NOT_AVAILABLE, false);
    }

    /** Whether it is not known if the statement took effect: it may have been sent, and the server has not said that it gave it up. */
    public boolean asked() {
        return asked;
    }

    /** Whether the server is there and gave the statement up because its time was over, as when somebody holds a lock. */
    public boolean ranOutOfTime() {
        return QUERY_CANCELED.equals(state) || isLocked();
    }

    /** Whether the server is there and gave the statement up because somebody held a lock for too long. */
    public boolean isLocked() {
        return LOCK_NOT_AVAILABLE.equals(state);
    }

    /** Whether the server is there and takes no changes. */
    public boolean isReadOnly() {
        return READ_ONLY.equals(state);
    }

    /** The error itself, or this exception around it if it says that the database is away. */
    static Throwable of(Throwable error, boolean asked) {
        return saysAway(error)
                ? new DatabaseUnavailableException(error, state(error), asked && !ROLLED_BACK.contains(state(error)))
                : error;
    }

    private static boolean saysAway(Throwable error) {
        String state = state(error);
        if (!state.isEmpty()) {
            return CLASSES.contains(state.substring(0, 2)) || ROLLED_BACK.contains(state);
        }
        return error instanceof R2dbcNonTransientResourceException
                || error instanceof R2dbcTransientResourceException
                || error instanceof R2dbcTimeoutException
                || error instanceof TimeoutException
                || error instanceof IOException;
    }

    private static String state(@Nullable Throwable error) {
        return error instanceof R2dbcException failure && failure.getSqlState() != null ? failure.getSqlState() : "";
    }
}
