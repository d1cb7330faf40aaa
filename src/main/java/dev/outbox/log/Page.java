package dev.outbox.log;

import dev.outbox.handler.Event;
import java.util.ArrayList;
import java.util.Comparator;
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

    /** The same page, in which events up to an id are marked as replayed. */
    public Page replayedThrough(long id) {
        List<Event> marked = events.stream()
                .map(event -> event.id() <= id ? event.asReplayed() : event)
                .toList();
        return new Page(marked, size, settled, before, after);
    }

    /** How much its events take up of a bound. */
    public int weight() {
        int weight = 0;
        for (Event event : events) {
            weight += event.weight();
        }
        return weight;
    }

    /** How many of its events are marked as replayed. */
    public long replayed() {
        return events.stream().filter(Event::replayed).count();
    }

    /** The same page in parts of at most so many wanted events; each begins where the one before it ends. */
    public List<Page> parts(int most) {
        if (events.size() <= most) {
            return List.of(this);
        }
        List<Page> parts = new ArrayList<>();
        for (int from = 0; from < events.size(); from += most) {
            int to = Math.min(from + most, events.size());
            parts.add(new Page(events.subList(from, to), to - from, settled, after(from), after(to)));
        }
        return parts;
    }

    /** The same page for a reader who wants only some of its events. */
    public Page only(Wanted wanted) {
        List<Event> some = events.stream().filter(wanted::includes).toList();
        return some.size() == events.size() ? this : new Page(some, size, settled, before, after);
    }

    /**
     * Pages at the tail that follow each other, as one. That is again a window, read to its end: what is visible behind the last one
     * and was not before the first.
     */
    public static Page joining(List<Page> pages) {
        if (pages.size() == 1) {
            return pages.get(0);
        }
        Page first = pages.get(0);
        Page last = pages.get(pages.size() - 1);
        List<Event> events = pages.stream()
                .flatMap(page -> page.events().stream())
                .sorted(Comparator.comparingLong(Event::id))
                .toList();
        int size = pages.stream().mapToInt(Page::size).sum();
        return new Page(events, size, last.settled(), first.before(), last.after());
    }

    /** Whether the read began at the end of the log as it was known, and ended at the end as it then was: no window is left open. */
    public boolean isOfTail() {
        return before.isTail() && after.isTail();
    }

    /** Whether the reader was at the end of the log already. */
    public boolean isEmpty() {
        return size == 0 && before.equals(after);
    }
}
