package dev.outbox.leadership;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Who runs what, as one instance sees it at one look, and what follows from it for this instance. All instances go by the same
 * rules, so that subscriptions spread evenly over those that can run them, and otherwise stay where they are:
 *
 * <ul>
 *   <li>a free subscription is for the instance that runs the fewest;
 *   <li>a subscription moves only from an instance that runs at least two more than the one it goes to: a difference of one would
 *       send it back and forth for ever;
 *   <li>one move at a time, which every instance that looks knows to be the next.
 * </ul>
 */
final class Balance {

    /** What the lock table says: this session can run this subscription, or runs it. */
    record Lock(String subscription, int session, boolean runs) {}

    private record Move(String subscription, int from, int to, int difference) {}

    private static final int LEAST_DIFFERENCE = 2;

    private static final Comparator<Move> NEXT = Comparator.comparingInt(Move::difference)
            .reversed()
            .thenComparingInt(Move::from)
            .thenComparingInt(Move::to)
            .thenComparing(Move::subscription);

    private final int me;
    private final int leastDifference;
    private final Map<String, Set<Integer>> able = new TreeMap<>();
    private final Map<String, Integer> leaders = new TreeMap<>();
    private final Map<Integer, Integer> loads = new HashMap<>();

    Balance(int me, List<Lock> locks) {
        this(me, locks, LEAST_DIFFERENCE);
    }

    Balance(int me, List<Lock> locks, int leastDifference) {
        this.me = me;
        this.leastDifference = leastDifference;
        locks.forEach(this::add);
    }

    private void add(Lock lock) {
        if (lock.runs()) {
            leaders.put(lock.subscription(), lock.session());
            loads.merge(lock.session(), 1, Integer::sum);
        } else {
            able.computeIfAbsent(lock.subscription(), any -> new HashSet<>()).add(lock.session());
        }
    }

    /** The subscriptions that this instance can run and nobody runs, in order of name. */
    List<String> free() {
        return able.entrySet().stream()
                .filter(entry -> entry.getValue().contains(me) && !leaders.containsKey(entry.getKey()))
                .map(Map.Entry::getKey)
                .toList();
    }

    boolean leads(String subscription) {
        return leaders.getOrDefault(subscription, 0) == me;
    }

    /** Whether no other instance that can run it runs fewer than this one, which runs that many by now. */
    boolean isMine(String subscription, int load) {
        return able.getOrDefault(subscription, Set.of()).stream().allMatch(other -> other == me || load(other) >= load);
    }

    /**
     * What this instance has to give up now.
     *
     * @param movable which of its own it can give up
     */
    Optional<String> surplus(Predicate<String> movable) {
        return leaders.entrySet().stream()
                .filter(entry -> entry.getValue() != me || movable.test(entry.getKey()))
                .flatMap(entry -> able.getOrDefault(entry.getKey(), Set.of()).stream()
                        .map(to -> move(entry.getKey(), entry.getValue(), to)))
                .filter(move -> move.difference() >= leastDifference)
                .min(NEXT)
                .filter(move -> move.from() == me)
                .map(Move::subscription);
    }

    private Move move(String subscription, int from, int to) {
        return new Move(subscription, from, to, load(from) - load(to));
    }

    private int load(int session) {
        return loads.getOrDefault(session, 0);
    }
}
