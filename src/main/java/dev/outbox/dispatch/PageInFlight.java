package dev.outbox.dispatch;

import dev.outbox.handler.Event;
import dev.outbox.log.Page;
import dev.outbox.log.Position;

/** A page in flight, and how much of it is done: delivered or parked. */
final class PageInFlight {

    private final Page page;
    private final long first;
    private final boolean[] done;
    private final int weight;
    private int prefix;

    /** @param first the place of its first event in the order in which events came */
    PageInFlight(Page page, long first) {
        this.page = page;
        this.first = first;
        this.done = new boolean[page.events().size()];
        this.weight = page.weight();
    }

    int size() {
        return done.length;
    }

    int weight() {
        return weight;
    }

    Event event(int index) {
        return page.events().get(index);
    }

    /** The place of an event in the order in which they came. */
    long place(int index) {
        return first + index;
    }

    void done(int index) {
        done[index] = true;
    }

    boolean isDone(int index) {
        return done[index];
    }

    /** The index of the last event that is done; -1 if none is. */
    int lastDone() {
        int last = done.length - 1;
        while (last >= 0 && !done[last]) {
            last--;
        }
        return last;
    }

    /** Whether the completed prefix has grown since the last call. */
    boolean advance() {
        int from = prefix;
        while (prefix < done.length && done[prefix]) {
            prefix++;
        }
        return prefix > from;
    }

    boolean isDone() {
        return prefix == done.length;
    }

    /** The position of the completed prefix. */
    Position position() {
        return isDone() ? page.after() : page.after(prefix);
    }
}
