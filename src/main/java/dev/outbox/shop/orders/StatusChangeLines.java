package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;

import dev.outbox.http.JsonFields;
import dev.outbox.problems.Problem;
import dev.outbox.shop.orders.LineSplitter.Line;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.http.HttpStatus;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Makes changes that come line by line and answers each with a line, in their order.
 *
 * <p>The lines that end in one buffer of the network are one statement, so a client that waits for its answer gets it, and one
 * that sends all it has is fast; no timer is needed. Only changes of one order go one after the other. At most one statement is
 * under way for a request, and one buffer waits.
 */
final class StatusChangeLines {

    /** Buffers of the network are smaller as a rule; this is for those that are not. */
    private static final int MOST_CHANGES = 1_000;

    private final Function<List<StatusChange>, Mono<List<ChangeResult>>> store;

    StatusChangeLines(Function<List<StatusChange>, Mono<List<ChangeResult>>> store) {
        this.store = store;
    }

    /** What is to be written: orders and members of problems. A body that breaks is answered as a line that is none. */
    Flux<List<Object>> answer(Flux<DataBuffer> body) {
        return Flux.defer(() -> {
            LineSplitter lines = new LineSplitter();
            return body.map(lines::split)
                    .concatWith(Mono.fromSupplier(lines::rest))
                    .map(ended -> ended.stream().map(StatusChangeLines::read).toList())
                    .onErrorResume(
                            Problem.class,
                            broken -> Mono.just(List.of(new Entry(lines.brokenOff(), null, null, broken))))
                    .concatMapIterable(StatusChangeLines::runs, 1)
                    .concatMap(this::make, 1);
        });
    }

    /** A line as it was read: a change, or why it is none. */
    private record Entry(
            Line line,
            @Nullable Long id,
            @Nullable StatusChange change,
            @Nullable Problem problem) {

        Object answer(@Nullable Problem problem, @Nullable Order order) {
            if (problem == null) {
                return requireNonNull(order);
            }
            Map<String, Object> members = problem.with("line", line.number()).members();
            if (id != null) {
                members.put("id", id);
            }
            return members;
        }
    }

    /** Groups of lines that one statement can do: no order is twice in one. */
    private static List<List<Entry>> runs(List<Entry> entries) {
        List<List<Entry>> runs = new ArrayList<>();
        List<Entry> run = new ArrayList<>();
        Set<Long> ids = new HashSet<>();
        for (Entry entry : entries) {
            boolean twice = entry.change() != null && !ids.add(entry.change().id());
            if (twice || run.size() == MOST_CHANGES) {
                runs.add(run);
                run = new ArrayList<>();
                ids.clear();
                if (entry.change() != null) {
                    ids.add(entry.change().id());
                }
            }
            run.add(entry);
        }
        if (!run.isEmpty()) {
            runs.add(run);
        }
        return runs;
    }

    private static Entry read(Line line) {
        Long id = null;
        try {
            if (line.tooLong()) {
                throw tooLong();
            }
            JsonFields fields = JsonFields.of(line.text(), "id", "status", "version");
            id = fields.number("id");
            Versions versions = fields.has("version") ? Versions.exactly(fields.number("version")) : Versions.ANY;
            return new Entry(line, id, new StatusChange(id, OrderStatus.of(fields, "status"), versions), null);
        } catch (Problem problem) {
            return new Entry(line, id, null, problem);
        }
    }

    private Mono<List<Object>> make(List<Entry> run) {
        List<StatusChange> changes = new ArrayList<>(run.size());
        for (Entry entry : run) {
            if (entry.change() != null) {
                changes.add(entry.change());
            }
        }
        if (changes.isEmpty()) {
            return Mono.just(answers(run, List.of()));
        }
        return Mono.defer(() -> store.apply(changes))
                .map(results -> answers(run, results))
                .onErrorResume(error -> Mono.just(failures(run, Problem.of(error, "PATCH /orders"))));
    }

    private static List<Object> answers(List<Entry> run, List<ChangeResult> results) {
        Iterator<ChangeResult> result = results.iterator();
        List<Object> answers = new ArrayList<>(run.size());
        for (Entry entry : run) {
            if (entry.change() == null) {
                answers.add(entry.answer(entry.problem(), null));
            } else {
                ChangeResult made = result.next();
                answers.add(entry.answer(made.problem(), made.order()));
            }
        }
        return answers;
    }

    private static List<Object> failures(List<Entry> run, Problem failure) {
        List<Object> answers = new ArrayList<>(run.size());
        for (Entry entry : run) {
            answers.add(entry.answer(entry.change() == null ? entry.problem() : failure, null));
        }
        return answers;
    }

    private static Problem tooLong() {
        return Problem.of(
                HttpStatus.CONTENT_TOO_LARGE,
                "line-too-long",
                "Line too long",
                "A line must have at most " + LineSplitter.MOST_BYTES + " bytes.");
    }
}
