package dev.outbox.log;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * New transaction ids for a log, and positions to match, so that every subscription still has done what it had done.
 *
 * <p>Each position had a bound: above it nothing was done, and below it all but a few late events. The bounds cut the log into
 * ranges. All events of a range get one number, except that those which were late for the same subscriptions get one together;
 * and numbers ascend with the ranges. So a subscription's position is at the tail: <em>done</em> ends at the first number above
 * its bound and leaves out those of its late events, the barrier is that number, and {@code high} is the bound. The numbers are
 * ancient, below every transaction id that the cluster will ever give out again.
 */
final class Renumbering {

    /** The first that is not special to PostgreSQL. */
    static final long FIRST = 3;

    /**
     * What a subscription has not done.
     *
     * @param checkpoint where it was
     * @param bound nothing above it was done
     * @param late the ids up to the bound that were not done
     */
    record Undone(Checkpoint checkpoint, long bound, Set<Long> late) {
        String subscription() {
            return checkpoint.subscription();
        }
    }

    /** The events above an id, up to another one, that are nobody's late ones. */
    record Range(long number, long above, long upTo) {}

    private final List<Undone> undone;
    private final NavigableSet<Long> bounds = new TreeSet<>();
    private final List<Range> ranges = new ArrayList<>();
    private final Map<Long, List<Long>> late = new TreeMap<>();
    private final Map<Long, Set<String>> lateFor = new TreeMap<>();
    private long next = FIRST;

    Renumbering(List<Undone> undone) {
        this.undone = undone;
        undone.forEach(each -> bounds.add(each.bound()));
        Map<Long, SortedSet<String>> subscriptions = new TreeMap<>();
        undone.forEach(each -> each.late()
                .forEach(id -> subscriptions
                        .computeIfAbsent(id, first -> new TreeSet<>())
                        .add(each.subscription())));
        List<Long> edges = new ArrayList<>(bounds);
        edges.add(Long.MAX_VALUE);
        long above = 0;
        for (long edge : edges) {
            ranges.add(new Range(next++, above, edge));
            numberLate(subscriptions, above, edge);
            above = edge;
        }
    }

    /** In a range, one number for each set of subscriptions. */
    private void numberLate(Map<Long, SortedSet<String>> subscriptions, long above, long upTo) {
        subscriptions.entrySet().stream()
                .filter(event -> event.getKey() > above && event.getKey() <= upTo)
                .collect(Collectors.groupingBy(
                        event -> String.join(" ", event.getValue()),
                        TreeMap::new,
                        Collectors.mapping(Map.Entry::getKey, Collectors.toList())))
                .forEach((names, ids) -> {
                    lateFor.put(next, subscriptions.get(ids.get(0)));
                    late.put(next++, ids);
                });
    }

    /** The numbers of late events, and their ids. */
    Map<Long, List<Long>> late() {
        return late;
    }

    /** All ids of late events. */
    Long[] lateIds() {
        return late.values().stream().flatMap(Collection::stream).toArray(Long[]::new);
    }

    /** The ranges from the first; what is in that one was done by all. */
    List<Range> ranges() {
        return ranges;
    }

    /** The first number that is not given out. */
    long end() {
        return next;
    }

    /** The highest bound, or 0. */
    long highest() {
        return bounds.isEmpty() ? 0 : bounds.last();
    }

    /** The next checkpoint of each subscription. */
    List<Checkpoint> checkpoints() {
        return undone.stream()
                .map(each -> each.checkpoint().next(position(each)))
                .toList();
    }

    private Position position(Undone each) {
        long end = ranges.get(bounds.headSet(each.bound(), true).size()).number();
        List<Long> missing = lateFor.entrySet().stream()
                .filter(number -> number.getKey() < end && number.getValue().contains(each.subscription()))
                .map(Map.Entry::getKey)
                .toList();
        long start = missing.isEmpty() ? end : missing.get(0);
        String list = missing.stream().map(String::valueOf).collect(Collectors.joining(","));
        return new Position(new Snapshot(start + ":" + end + ":" + list), end, each.bound(), null, 0, null);
    }
}
