package dev.outbox.dispatch;

import dev.outbox.log.ParkedEvent;
import dev.outbox.log.Position;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How far a subscription has come, to be stored in one transaction: a position, and what became of events that it passes although
 * they are not done.
 *
 * @param position the latest
 * @param parked events that were parked or changed since the last one, by id; null for those that are done
 * @param circuit the failure that holds the circuit open; null if it is closed
 * @param full whether no more is read because too many keys are parked
 */
record Progress(
        Position position,
        Map<Long, @Nullable ParkedEvent> parked,
        @Nullable String circuit,
        boolean full) {

    /** The parked events as they are now. */
    List<ParkedEvent> changed() {
        return parked.values().stream().filter(Objects::nonNull).toList();
    }

    /** The events that are parked no more. */
    List<Long> done() {
        return parked.entrySet().stream()
                .filter(change -> change.getValue() == null)
                .map(Map.Entry::getKey)
                .toList();
    }

    /** This one and a later one in one. */
    Progress then(Progress later) {
        Map<Long, @Nullable ParkedEvent> both = later.parked;
        if (!parked.isEmpty()) {
            both = new LinkedHashMap<>(parked);
            both.putAll(later.parked);
        }
        return new Progress(later.position, both, later.circuit, later.full);
    }
}
