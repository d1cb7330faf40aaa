package dev.outbox.database;

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

    String action() {
        return action;
    }
}
