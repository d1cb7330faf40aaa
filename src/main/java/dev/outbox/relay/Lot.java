package dev.outbox.relay;

/**
 * How many events a transactional handler gets at once: halved at each failure until the one is alone that fails, doubled at each
 * success. Outlives the runs of a subscription.
 *
 * <p>Not safe for threads: one at a time.
 */
final class Lot {

    private static final int MOST = 1_000_000;

    private int size = MOST;

    /** The event that was alone when the connection was lost, just before; 0 if there was none. */
    private long lostWith;

    int size() {
        return size;
    }

    void succeeded() {
        size = Math.min(size * 2, MOST);
        lostWith = 0;
    }

    /** @param of how many events failed together */
    void failed(int of) {
        size = Math.max(1, of / 2);
    }

    /**
     * The connection was lost while an event was alone on it.
     *
     * @return whether for the second time in a row: once it may have been the server's doing
     */
    boolean lostAgain(long id) {
        boolean again = lostWith == id;
        lostWith = again ? 0 : id;
        return again;
    }
}
