package dev.outbox.log;

import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What a reader of the log has done: every event that is visible in {@code done}, and of the window up to {@code target}, if one
 * is being read, those with ids up to {@code last}.
 *
 * <p>Why not simply the highest id? Ids are drawn before commits, so an event may become visible after one with a higher id was
 * read. Why not the snapshot alone? A transaction that was running when it was taken may have an xid at or above its xmax and be
 * in no list, and yet have drawn an id below one that was seen. Hence the barrier, an xid that was drawn after the snapshot was
 * taken: a transaction from the barrier on began later and its ids are all above {@code high}; whatever else is missing
 * belongs to one of {@link #late()}.
 *
 * @param done the snapshot that is done
 * @param barrier an xid drawn after {@code done} was taken
 * @param high the highest id that is visible in {@code done}
 * @param target the window that is being read; null at the tail of the log
 * @param last in the window, ids up to this one are done; 0 at the tail
 * @param history of the server that it was read from, see {@link ServerHistory}: it is good there alone. Null if it is good for any
 */
public record Position(
        Snapshot done,
        long barrier,
        long high,
        @Nullable Target target,
        long last,
        @Nullable String history) {

    /** The end of a window: a later snapshot with its own barrier and highest id. */
    record Target(Snapshot snapshot, long barrier, long high) {

        /** The transactions whose events may still appear with ids up to {@link #high}. */
        LongStream late() {
            return LongStream.concat(snapshot.inProgress(), LongStream.range(snapshot.xmax(), barrier));
        }

        private Target meet(Target other) {
            return new Target(
                    snapshot.meet(other.snapshot), Math.min(barrier, other.barrier), Math.min(high, other.high));
        }
    }

    /** Before the first event of the log. */
    public static final Position BEGINNING = new Position(Snapshot.NOTHING, 1, 0, null, 0, null);

    /** The transactions whose events may still appear with ids up to {@link #high}. */
    LongStream late() {
        return new Target(done, barrier, high).late();
    }

    /** Whether no window is being read. */
    public boolean isTail() {
        return target == null;
    }

    /**
     * This position at the tail, before a window that ends at another one: read to its end, it leads there. Fails with
     * {@link StalePositionException} if they are of different histories.
     */
    public Position towards(Position tail) {
        return on(ServerHistory.common(history, tail.history)).upTo(tail.end(), 0);
    }

    /** The end of the window that led or leads to this position. */
    Target end() {
        return target == null ? new Target(done, barrier, high) : target;
    }

    /** This position with the window's events done up to an id. */
    Position upTo(Target target, long id) {
        return new Position(done, barrier, high, target, id, history);
    }

    /** The position behind a window that was read to its end. */
    static Position after(Target target, @Nullable String history) {
        return new Position(target.snapshot(), target.barrier(), target.high(), null, 0, history);
    }

    /** This position, read from a server. */
    Position on(@Nullable String itsHistory) {
        return new Position(done, barrier, high, target, last, itsHistory);
    }

    /** The highest id of which it is known that events up to it are done, apart from those of transactions that are late. */
    public long reach() {
        return target == null ? high : last;
    }

    /** No event that is done has a higher id. */
    public long furthest() {
        return Math.max(high, last);
    }

    /** Whether a replay of the events up to an id is over: behind a window nothing comes that was done before it. */
    public boolean hasPassed(long id) {
        return target == null || furthest() >= id;
    }

    /**
     * The position of a replay: nothing is done but what is below an id, and the window up to now is read again.
     *
     * @param start as {@link Replays#rewind} derives it
     */
    static Position replay(Target now, long start) {
        return new Position(Snapshot.NOTHING, 1, 0, now, start - 1, null);
    }

    /**
     * What is done under both: reading on from here nothing is lost that either has still to do, and of two positions at the tail
     * nothing comes again but what one of them has still to do.
     *
     * <p>Why that is a position. A snapshot with its barrier and highest id has two properties: what is visible in it has ids up to
     * {@code high}, and a transaction from the barrier on has only ids above {@code high}. Both hold for the meet of two, whose
     * snapshot is what is visible in both and whose barrier and {@code high} are the lower ones: what is visible in both is up to each
     * {@code high}, and a transaction from the lower barrier on is above that one's {@code high}, so above the lower. Hence what is not
     * visible in the meet and has an id up to {@code high} is below the barrier: it is in the list or from xmax on, that is, in
     * {@link #late()}. With the higher {@code high} that would not hold: see the test.
     *
     * <p>Why no more is done than under both. A tail is a window that is read to its end. Then {@code done} is visible in both; what
     * is visible in both ends and has an id up to both {@code last} is done under either. They have to be of the same history.
     */
    Position meet(Position other) {
        Target start = new Target(done, barrier, high).meet(new Target(other.done, other.barrier, other.high));
        Target end = end().meet(other.end());
        String both = ServerHistory.common(history, other.history);
        if (end.snapshot().equals(start.snapshot())) {
            return after(start, both);
        }
        long upTo = Math.min(Math.min(read(), other.read()), end.high());
        return new Position(start.snapshot(), start.barrier(), start.high(), end, upTo, both);
    }

    /** Up to which id the window is done. */
    private long read() {
        return target == null ? Long.MAX_VALUE : last;
    }

    @Override
    public String toString() {
        return target == null ? "tail above " + high : "event " + last + " on the way to " + target.high();
    }
}
