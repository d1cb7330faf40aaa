package dev.outbox.log;

import java.util.List;

/**
 * What one read of the log returned.
 *
 * @param events the events that the reader wants, in order of id; unmodifiable
 * @param size how many events were read, with those that the reader does not want
 * @param settled whether every transaction that began before the barrier of this read had ended before it
 * @param before the position that was read from
 * @param after the position when all events of the page are done
 */
public record Page(List<Event> events, int size, boolean settled, Position before, Position after) {

    /** The position when the first {@code count} of the wanted events are done. */
    public Position after(int count) {
        if (count == events.size()) {
            return after;
        }
        return count == 0
                ? before
                : before.upTo(after.end(), events.get(count - 1).id());
    }

    /** Whether the reader was at the end of the log already. */
    public boolean isEmpty() {
        return size == 0 && before.equals(after);
    }
}
