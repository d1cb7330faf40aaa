package dev.outbox.database;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** There is no database to start with. */
final class NoDatabaseException extends RuntimeException {

    private final String action;

    /**
     * @param message what is wrong, in words for who started the application
     * @param action what can be done
     */
    NoDatabaseException(String message, String action, @Nullable Throwable cause) {
        super(message, cause);
        this.action = action;
    }

    /**
     * The embedded server can't be started.
     *
     * @param path what is in the way
     * @param reason how, beginning with a verb
     * @param remedy what can be done about it
     */
    static NoDatabaseException embedded(Path path, String reason, String remedy, @Nullable Throwable cause) {
        return new NoDatabaseException(
                "No database is configured, and the embedded PostgreSQL could not be started: " + path + " " + reason,
                remedy
                        + " Or set spring.r2dbc.url (SPRING_R2DBC_URL), username and password to use a PostgreSQL of yours.",
                cause);
    }

    String action() {
        return action;
    }
}
