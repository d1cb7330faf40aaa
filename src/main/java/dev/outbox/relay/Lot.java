package dev.outbox.relay;

/**
 * How many events a transactional handler gets at once: halved at each failure until the one is alone that fails, doubled at each
 * success. Outlives the runs of a subscription, since an event may end the connection, and so the run, each time it is tried.
 *
 * <p>Not safe for threads: one at a time.
 */
final class Lot {

    /** So often in a row an event may have ended the connection, alone; then it has failed. */
    private static final int LOSSES = 3;

    private static final int MOST = 1_000_000;

    private int size = MOST;
    private long suspect;
    private int losses;

    int size() {
        return size;
    }

    void succeeded() {
        size = Math.min(size * 2, MOST);
        losses = 0;
    }

    /** @param of how many events failed together */
    void failed(int of) {
        size = Math.max(1, of / 2);
    }

    /**
     * The connection was lost while events were handled, and with it the run.
     *
     * @param of how many events they were
     * @param first the first one
     */
    void lost(int of, long first) {
        if (of > 1) {
            failed(of);
        } else {
            losses = suspect == first ? losses + 1 : 1;
            suspect = first;
        }
    }

    /** Whether it is this event that ends connections, and not the database that is away. */
    boolean isAtFault(long event) {
        return suspect == event && losses >= LOSSES;
    }
}
