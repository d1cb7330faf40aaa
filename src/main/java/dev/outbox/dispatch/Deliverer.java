package dev.outbox.dispatch;

import dev.outbox.handler.Event;
import dev.outbox.log.ParkedRow;
import java.util.List;
import reactor.core.publisher.Mono;

/** Brings events to a handler, for {@link KeyedDispatcher}. */
interface Deliverer {

    /** For the log. */
    String subscription();

    /** One attempt; an error is no outcome of the event and ends the dispatch. */
    Mono<Outcome> attempt(Event event);

    /** A parked event, from the log; empty if it is gone. */
    Mono<Event> load(long id);

    /** The next parked events of a key. */
    Mono<List<ParkedRow>> next(ParkedKeys.Load load);
}
