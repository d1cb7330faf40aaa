package dev.outbox.log;

import dev.outbox.handler.Event;
import java.util.List;

/**
 * Some events of one key, the oldest first.
 *
 * @param more whether there are others behind them
 */
public record KeyPage(List<Event> events, boolean more) {

    /** An event, and whether others follow the page that it is on. */
    record Row(Event event, boolean more) {}

    static KeyPage of(List<Row> rows) {
        return new KeyPage(
                rows.stream().map(Row::event).toList(),
                !rows.isEmpty() && rows.get(0).more());
    }
}
