package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.log.ParkedEvent;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of the next events of a page in one transaction. It changes nothing by itself: the transaction may be rolled back, and then
 * the events come again, perhaps in smaller portions.
 *
 * @param free those that the handler is given
 * @param behind those that wait behind one of their key
 * @param again the rows of those that come again although they are parked, and are the first of their key that is not done
 * @param over the rows of those that come again and are done with
 */
record Portion(List<Event> free, List<Event> behind, List<ParkedEvent> again, List<ParkedEvent> over) {

    static Portion of(List<Event> events, ParkedKeys parked) {
        Portion portion = new Portion(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        Set<Aggregate> held = new HashSet<>();
        for (Event event : events) {
            ParkedEvent stored = parked.expected(event.id());
            if (stored != null && parked.isOver(stored)) {
                portion.over.add(stored);
            } else if (held.contains(event.aggregate()) || parked.holds(event.aggregate())) {
                portion.behind.add(event);
            } else if (stored != null) {
                portion.again.add(stored);
                held.add(event.aggregate());
            } else {
                portion.free.add(event);
            }
        }
        return portion;
    }

    /** What is to be stored with the effects. */
    Map<Long, @Nullable ParkedEvent> changes() {
        Map<Long, @Nullable ParkedEvent> changes = new LinkedHashMap<>();
        behind.forEach(event -> changes.put(event.id(), ParkedEvent.blocked(event)));
        over.stream()
                .filter(row -> row.state() == ParkedEvent.State.DISCARDED)
                .forEach(row -> changes.put(row.eventId(), null));
        return changes;
    }

    /** The changes are stored. */
    void stored(ParkedKeys parked) {
        over.forEach(parked::forget);
        again.forEach(parked::resume);
        behind.forEach(parked::blocked);
    }

    /** The changes are to be stored with the position. */
    void park(ParkedKeys parked) {
        over.forEach(parked::pass);
        again.forEach(parked::resume);
        behind.forEach(parked::block);
    }
}
