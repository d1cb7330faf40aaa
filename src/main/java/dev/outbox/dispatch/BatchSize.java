package dev.outbox.dispatch;

/**
 * How many events a transactional handler gets at once: halved at each failure until the one is alone that fails, doubled at each
 * success. After a failure that costs a deadline or a connection it is one at once, and stays so until the one is found: of a thousand
 * events it costs two deadlines, not one for each size that it would grow to again. Outlives the runs of a subscription.
 *
 * <p>Not safe for threads: one at a time.
 */
final class BatchSize {

    private static final int MOST = 1_000_000;

    private int size = MOST;

    /** So many events that failed together at such a cost have not been handled yet: one of them did it. */
    private int suspects;

    /** The event that was alone when the connection was lost, just before; 0 if there was none. */
    private long lostWith;

    int size() {
        return size;
    }

    /** @param events how many were handled together */
    void succeeded(int events) {
        suspects = Math.max(0, suspects - events);
        if (suspects == 0) {
            size = Math.min(size * 2, MOST);
        }
        lostWith = 0;
    }

    /** @param of how many events failed together */
    void failed(int of) {
        size = Math.max(1, of / 2);
    }

    /**
     * Each further try with the wrong one among others would cost as much again.
     *
     * @param of how many events failed together
     */
    void failedDearly(int of) {
        size = 1;
        suspects = of;
    }

    /** One failed alone, at such a cost. */
    void found() {
        suspects = 0;
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
