package dev.outbox.relay;

import dev.outbox.log.Event;
import reactor.core.publisher.Mono;

/** Brings events to a handler, for {@link KeyedDispatcher}. */
interface Deliverer {

    /** For the log. */
    String subscription();

    /** What the event is ordered by. */
    String key(Event event);

    /** One attempt; an error is no outcome of the event and ends the dispatch. */
    Mono<Outcome> attempt(Event event);

    /** A parked event, from the log; empty if it is gone. */
    Mono<Event> load(long id);
}
