package dev.outbox.log;

/**
 * The server has another history than the one that the position was read from: it was promoted, or it crashed. Whoever meets this begins
 * again from what is stored.
 */
public final class StalePositionException extends RuntimeException {

    StalePositionException(String position, String server) {
        super("The position is of another history of the server, " + position + ", than " + server);
    }
}
