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

    private final boolean asked;

    private DatabaseUnavailableException(@Nullable Throwable cause, boolean asked) {
        super(asked ? "The database did not answer" : "The database could not be reached", cause);
        this.asked = asked;
    }

    /** More work waits for the database than it can do in time; this piece of it was not begun. */
    public static DatabaseUnavailableException overloaded() {
        return new DatabaseUnavailableException(null, false);
    }

    /** Whether the statement may have been sent: then it is not known whether it took effect. */
    public boolean asked() {
        return asked;
    }

    /** Whether the server is there and gave the statement up because its time was over, as when somebody holds a lock. */
    public boolean ranOutOfTime() {
        return getCause() instanceof R2dbcException failure
                && (QUERY_CANCELED.equals(failure.getSqlState()) || LOCK_NOT_AVAILABLE.equals(failure.getSqlState()));
    }

    /** The error itself, or this exception around it if it says that the database is away. */
    static Throwable of(Throwable error, boolean asked) {
        return saysAway(error) ? new DatabaseUnavailableException(error, asked) : error;
    }

    private static boolean saysAway(Throwable error) {
        if (error instanceof R2dbcException failure && failure.getSqlState() != null) {
            String state = failure.getSqlState();
            return CLASSES.contains(state.substring(0, 2)) || state.equals(LOCK_NOT_AVAILABLE);
        }
        return error instanceof R2dbcNonTransientResourceException
                || error instanceof R2dbcTransientResourceException
                || error instanceof R2dbcTimeoutException
                || error instanceof TimeoutException
                || error instanceof IOException;
    }
}
