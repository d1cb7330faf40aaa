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
 * @param timeline of the server that it was read from: a server that was promoted since may have lost what it tells of. Null if
 *     it is good for any
 */
public record Position(
        Snapshot done,
        long barrier,
        long high,
        @Nullable Target target,
        long last,
        @Nullable String timeline) {

    /** The end of a window: a later snapshot with its own barrier and highest id. */
    record Target(Snapshot snapshot, long barrier, long high) {

        /** The transactions whose events may still appear with ids up to {@link #high}. */
        LongStream late() {
            return LongStream.concat(snapshot.inProgress(), LongStream.range(snapshot.xmax(), barrier));
        }
    }

    /** Before the first event of the log. */
    static final Position BEGINNING = new Position(Snapshot.NOTHING, 1, 0, null, 0, null);

    /** The transactions whose events may still appear with ids up to {@link #high}. */
    LongStream late() {
        return new Target(done, barrier, high).late();
    }

    /** The end of the window that led or leads to this position. */
    Target end() {
        return target == null ? new Target(done, barrier, high) : target;
    }

    /** This position with the window's events done up to an id. */
    Position upTo(Target target, long id) {
        return new Position(done, barrier, high, target, id, timeline);
    }

    /** The position behind a window that was read to its end. */
    static Position after(Target target, @Nullable String timeline) {
        return new Position(target.snapshot(), target.barrier(), target.high(), null, 0, timeline);
    }

    /** This position, read from a server. */
    Position on(@Nullable String itsTimeline) {
        return new Position(done, barrier, high, target, last, itsTimeline);
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

    @Override
    public String toString() {
        return target == null ? "tail above " + high : "event " + last + " on the way to " + target.high();
    }
}
