package dev.outbox.log;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * Which transactions were visible at an instant: PostgreSQL's {@code pg_snapshot} in its text form {@code xmin:xmax:xip,…}.
 *
 * <p>{@code xmax} is the last <em>completed</em> xid + 1, not the next xid: transactions may be running at or above it that are in
 * no list. See {@link Position} for what follows from that.
 */
record Snapshot(String text) {

    /** Before any transaction: nothing is visible in it. */
    static final Snapshot NOTHING = new Snapshot("1:1:");

    /** The transactions that were in progress below xmax. */
    LongStream inProgress() {
        String list = text.substring(text.lastIndexOf(':') + 1);
        return list.isEmpty()
                ? LongStream.empty()
                : Arrays.stream(list.split(",")).mapToLong(Long::parseLong);
    }

    long xmax() {
        return Long.parseLong(text.substring(text.indexOf(':') + 1, text.lastIndexOf(':')));
    }

    /** What is visible in both: below the lower xmax, and in neither list. */
    Snapshot meet(Snapshot other) {
        long end = Math.min(xmax(), other.xmax());
        long[] running = LongStream.concat(inProgress(), other.inProgress())
                .filter(xid -> xid < end)
                .sorted()
                .distinct()
                .toArray();
        long start = running.length == 0 ? end : running[0];
        return new Snapshot(start + ":" + end + ":"
                + LongStream.of(running).mapToObj(Long::toString).collect(Collectors.joining(",")));
    }
}
