package dev.outbox.leadership;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Subscriptions spread over the instances, by the rules alone. */
class BalanceTests {

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @Test
    void aFreeSubscriptionIsForWhoRunsTheFewest() {
        Cluster cluster = new Cluster(2, List.of("a", "b"), Set.of(1, 2));
        cluster.leaders.put("a", 1);
        assertThat(cluster.seenBy(1).isMine("b", 1)).isFalse();
        assertThat(cluster.seenBy(2).isMine("b", 0)).isTrue();
    }

    @Test
    void oneThatCannotRunItDoesNotCount() {
        Balance balance = new Balance(1, List.of(new Balance.Lock("a", 1, false), new Balance.Lock("b", 2, false)));
        assertThat(balance.free()).containsExactly("a");
        assertThat(balance.isMine("a", 5)).isTrue();
        assertThat(balance.surplus(any -> true)).isEmpty();
    }

    @Test
    void aNewcomerGetsItsPartAlsoWhenNobodyHasMoreThanTheAverageRoundedUp() {
        Cluster cluster = new Cluster(2, List.of("a", "b", "c", "d"), Set.of(1, 2, 3));
        cluster.leaders.putAll(Map.of("a", 1, "b", 1, "c", 2, "d", 2));
        cluster.settle(random);
        assertThat(cluster.loads().values()).containsExactlyInAnyOrder(2, 1, 1);
    }

    @Test
    void whatCannotBeMovedStays() {
        Cluster cluster = new Cluster(2, List.of("a", "b"), Set.of(1, 2));
        cluster.leaders.putAll(Map.of("a", 1, "b", 1));
        assertThat(cluster.seenBy(1).surplus(any -> false)).isEmpty();
    }

    @Test
    void whateverComesAndGoesTheySpreadEvenlyAndThenStay() {
        for (int i = 0; i < 200; i++) {
            Cluster cluster = new Cluster(2, names(1 + random.nextInt(8)), Set.of(1));
            for (int change = 0; change < 5; change++) {
                cluster.change(random);
                int moves = cluster.settle(random);
                int most = Collections.max(cluster.loads().values());
                int least = Collections.min(cluster.loads().values());
                assertThat(cluster.leaders).as("seed %d", seed).hasSize(cluster.names.size());
                assertThat(most - least).as("seed %d", seed).isLessThan(2);
                assertThat(moves).as("seed %d", seed).isLessThanOrEqualTo(cluster.names.size());
            }
        }
    }

    /** The twin that evens out a difference of one: the odd subscription never rests. */
    @Test
    void aTwinThatMovesForADifferenceOfOneNeverSettles() {
        Cluster cluster = new Cluster(1, List.of("a", "b", "c"), Set.of(1, 2));
        assertThat(cluster.settle(random)).isGreaterThan(100);
    }

    @Test
    void instancesThatCannotRunTheSameSpreadWhatTheyShareAndThenStay() {
        for (int i = 0; i < 200; i++) {
            Cluster cluster = new Cluster(2, names(1 + random.nextInt(8)), Set.of(1));
            for (int change = 0; change < 5; change++) {
                cluster.change(random);
                cluster.able.computeIfAbsent(cluster.last, any -> cluster.some(random));
                int moves = cluster.settle(random);
                assertThat(moves).as("seed %d", seed).isLessThanOrEqualTo(4 * cluster.names.size());
                assertThat(cluster.leaders.keySet()).as("seed %d", seed).isEqualTo(cluster.runnable());
            }
        }
    }

    /** The twin of which each instance knows its own subscriptions only: both seem to run too much, and what is free seems the other's. */
    @Test
    void aTwinThatDoesNotSeeWhatOnlyOthersCanRunNeverSettles() {
        Cluster cluster = new Cluster(2, List.of("a", "b", "c", "former", "next"), Set.of(1, 2));
        cluster.able.put(1, Set.of("a", "b", "c", "former"));
        cluster.able.put(2, Set.of("a", "b", "c", "next"));
        cluster.settle(random);
        assertThat(cluster.loads().values()).containsExactlyInAnyOrder(2, 3);
        assertThat(cluster.settle(random)).isZero();
        cluster.seesAll = false;
        assertThat(cluster.settle(random)).isGreaterThan(100);
    }

    private static List<String> names(int count) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            names.add("s" + i);
        }
        return names;
    }

    /** Instances that look and act one after the other, in any order. */
    private static final class Cluster {

        final int leastDifference;
        final List<String> names;
        final Set<Integer> instances;
        final Map<String, Integer> leaders = new TreeMap<>();

        /** What an instance can run; all if it is not in here. */
        final Map<Integer, Set<String>> able = new HashMap<>();

        boolean seesAll = true;
        private int last;

        Cluster(int leastDifference, List<String> names, Set<Integer> instances) {
            this.leastDifference = leastDifference;
            this.names = names;
            this.instances = new HashSet<>(instances);
            this.last = Collections.max(instances);
        }

        Balance seenBy(int instance) {
            List<Balance.Lock> locks = new ArrayList<>();
            leaders.forEach((name, leader) -> locks.add(new Balance.Lock(name, leader, true)));
            instances.forEach(each -> able(each).forEach(name -> locks.add(new Balance.Lock(name, each, false))));
            locks.removeIf(lock -> !seesAll && !able(instance).contains(lock.subscription()));
            return new Balance(instance, locks, leastDifference);
        }

        private Set<String> able(int instance) {
            return able.getOrDefault(instance, Set.copyOf(names));
        }

        Set<String> some(Random random) {
            return names.stream().filter(name -> random.nextBoolean()).collect(Collectors.toSet());
        }

        Set<String> runnable() {
            return instances.stream().flatMap(each -> able(each).stream()).collect(Collectors.toSet());
        }

        Map<Integer, Integer> loads() {
            Map<Integer, Integer> loads = new HashMap<>();
            instances.forEach(instance -> loads.put(instance, 0));
            leaders.values().forEach(leader -> loads.merge(leader, 1, Integer::sum));
            return loads;
        }

        /** One comes, or one goes with all that it runs. */
        void change(Random random) {
            if (instances.size() > 1 && random.nextBoolean()) {
                int gone = new ArrayList<>(instances).get(random.nextInt(instances.size()));
                instances.remove(gone);
                leaders.values().removeIf(leader -> leader == gone);
            } else {
                instances.add(++last);
            }
        }

        /** How often one gave something up until nobody did. */
        int settle(Random random) {
            int moves = 0;
            for (int quiet = 0; quiet < 2 && moves < 1_000; quiet++) {
                List<Integer> order = new ArrayList<>(instances);
                Collections.shuffle(order, random);
                for (int instance : order) {
                    Map<String, Integer> before = Map.copyOf(leaders);
                    moves += act(instance) ? 1 : 0;
                    quiet = before.equals(leaders) ? quiet : 0;
                }
                if (quiet > 0 && order.stream().anyMatch(this::takesWhatIsLeftFree)) {
                    quiet = 0;
                }
            }
            return moves;
        }

        private boolean takesWhatIsLeftFree(int instance) {
            List<String> free = seenBy(instance).free();
            free.forEach(name -> leaders.put(name, instance));
            return !free.isEmpty();
        }

        private boolean act(int instance) {
            Balance balance = seenBy(instance);
            for (String name : balance.free()) {
                if (balance.isMine(name, loads().getOrDefault(instance, 0))) {
                    leaders.put(name, instance);
                }
            }
            return balance.surplus(any -> true).map(leaders::remove).isPresent();
        }
    }
}
