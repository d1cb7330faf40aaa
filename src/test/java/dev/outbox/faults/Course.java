package dev.outbox.faults;

import dev.outbox.Service;
import dev.outbox.TestDatabase;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What a scenario went through, as the database and the services' output tell at its end: a fault that met none of it shows little. */
final class Course {

    /** An instance took over from another, or began. */
    static final String CLAIMS = "claims";

    /** Checkpoints were trimmed. */
    static final String TRIMS = "trims";

    static final String CIRCUITS = "circuit.opened";
    static final String NARROWED = "batch.narrowed";
    static final String MADE = "partition.made";
    static final String EMPTIED = "partition.emptied";
    static final String DROPPED = "partition.dropped";

    /** Strays, to partitions of their own. */
    static final String MOVED = "partition.moved";

    /** At every 500th generation all but the last hundred and itself go; the highest of these is kept. */
    private static final String TRIMMED = "select coalesce(sum((last + 101) / 500), 0) from outbox.generation";

    /** The first word of a line of the log: what partitions, circuits, batches and shards went through. */
    private static final Pattern WORDS = Pattern.compile(
            " ((?:partition\\.[a-z-]+)|circuit\\.opened|batch\\.narrowed|shards\\.changed|subscription\\.(?:replaced|cut-off)) ");

    private final Map<String, Long> counts = new TreeMap<>();

    private Course() {}

    static Course of(TestDatabase database, List<Service> services) {
        Course course = new Course();
        course.counts.put(CLAIMS, StaleCheckpoint.claims(database));
        course.counts.put(TRIMS, database.number(TRIMMED));
        services.forEach(service -> WORDS.matcher(service.output())
                .results()
                .forEach(found -> course.counts.merge(found.group(1), 1L, Long::sum)));
        return course;
    }

    long count(String what) {
        return counts.getOrDefault(what, 0L);
    }

    @Override
    public String toString() {
        return counts.entrySet().stream()
                .map(count -> count.getKey() + " " + count.getValue())
                .collect(Collectors.joining(", "));
    }
}
