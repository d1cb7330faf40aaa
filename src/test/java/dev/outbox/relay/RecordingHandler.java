package dev.outbox.relay;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Keeps what it was handed. */
class RecordingHandler implements Handler {

    final List<Event> events = new CopyOnWriteArrayList<>();
    private final Sinks.Many<Event> arrivals = Sinks.many().replay().all();
    private final String name;

    RecordingHandler(String name) {
        this.name = name;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Set<String> types() {
        return Set.of();
    }

    @Override
    public Mono<Void> handle(Event event) {
        return Mono.fromRunnable(() -> record(event));
    }

    final void record(Event event) {
        events.add(event);
        arrivals.emitNext(event, Sinks.EmitFailureHandler.busyLooping(Duration.ofSeconds(1)));
    }

    /** Waits until an event that fits has come. */
    Event await(Predicate<Event> fits, Duration atMost) {
        return arrivals.asFlux().filter(fits).blockFirst(atMost);
    }

    void awaitCount(int count, Duration atMost) {
        arrivals.asFlux().take(count).then().block(atMost);
    }
}
