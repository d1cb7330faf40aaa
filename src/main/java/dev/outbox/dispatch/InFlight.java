package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.log.Page;
import dev.outbox.log.Position;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The pages in flight: which of their events are ready, which wait behind another of their key, and how far the position has come. Not
 * safe for threads: one at a time.
 */
final class InFlight {

    private final ArrayDeque<PageInFlight> pages = new ArrayDeque<>();

    /** Of each key that has a delivery ready or under way, the later ones; made when there is one. */
    private final Map<Aggregate, @Nullable ArrayDeque<Delivery>> keys = new HashMap<>();

    /**
     * In the order in which they came: else one that waited for others of its key would stand behind all that came meanwhile, and hold
     * back the position.
     */
    private final PriorityQueue<Delivery> ready =
            new PriorityQueue<>(Comparator.comparingLong(delivery -> delivery.place));

    private Position position;
    private long came;
    private int undone;
    private int held;

    InFlight(Position position) {
        this.position = position;
    }

    /** Everything before it is done. */
    Position position() {
        return position;
    }

    boolean isEmpty() {
        return pages.isEmpty();
    }

    /** How many events are not done, by weight. */
    int undone() {
        return undone;
    }

    /** How many events there are of pages that are not done as a whole, by weight. */
    int held() {
        return held;
    }

    PageInFlight add(Page page) {
        PageInFlight added = new PageInFlight(page, came);
        pages.add(added);
        came += added.size();
        undone += added.weight();
        held += added.weight();
        return added;
    }

    /** The first of a key is ready; the others wait behind it. */
    void admit(Delivery delivery) {
        if (keys.containsKey(delivery.key)) {
            queue(delivery.key).add(delivery);
        } else {
            keys.put(delivery.key, null);
            ready.add(delivery);
        }
    }

    private ArrayDeque<Delivery> queue(Aggregate key) {
        ArrayDeque<Delivery> queue = keys.get(key);
        if (queue == null) {
            queue = new ArrayDeque<>(2);
            keys.put(key, queue);
        }
        return queue;
    }

    /** The one that came first of those that may start; null if none may. */
    @Nullable
    Delivery takeReady() {
        return ready.poll();
    }

    /** Its key is still taken. */
    void readyAgain(Delivery delivery) {
        ready.add(delivery);
    }

    /** It is delivered, or parked. */
    void done(Delivery delivery) {
        PageInFlight page = page(delivery);
        undone -= page.event(delivery.index).weight();
        page.done(delivery.index);
    }

    /** The next of the key is ready, or the key is free. */
    void release(Aggregate key) {
        ArrayDeque<Delivery> waiting = keys.get(key);
        Delivery next = waiting == null ? null : waiting.poll();
        if (next == null) {
            keys.remove(key);
        } else {
            ready.add(next);
        }
    }

    /** Those that wait behind one of their key; nobody releases them any more. */
    Collection<Delivery> takeWaiting(Aggregate key) {
        ArrayDeque<Delivery> waiting = keys.remove(key);
        return waiting == null ? List.of() : waiting;
    }

    /** Moves the position on over what is done. @return whether it moved */
    boolean advance() {
        boolean moved = false;
        for (PageInFlight head = pages.peek(); head != null; head = pages.peek()) {
            if (head.advance() || head.isDone()) {
                position = head.position();
                moved = true;
            }
            if (!head.isDone()) {
                break;
            }
            pages.remove();
            held -= head.weight();
        }
        return moved;
    }

    /** Nothing more is to be started. */
    void forgetReady() {
        ready.clear();
    }

    /** The events that are not done and come before one that is: their pages, and their places in those. */
    void forEachOvertaken(ObjIntConsumer<PageInFlight> event) {
        PageInFlight last = null;
        for (PageInFlight page : pages) {
            last = page.lastDone() >= 0 ? page : last;
        }
        for (PageInFlight page : pages) {
            if (last == null) {
                return;
            }
            int end = page == last ? page.lastDone() : page.size();
            for (int i = 0; i < end; i++) {
                if (!page.isDone(i)) {
                    event.accept(page, i);
                }
            }
            last = page == last ? null : last;
        }
    }

    void clear() {
        ready.clear();
        keys.clear();
        pages.clear();
    }

    static PageInFlight page(Delivery delivery) {
        if (delivery.page == null) {
            throw new IllegalStateException("Event " + delivery.id + " is parked, and in no page");
        }
        return delivery.page;
    }
}
