package dev.outbox.relay;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Compares what was delivered with what was committed.
 *
 * @param delivered how many deliveries there were
 * @param lost committed events that were not delivered
 * @param unfounded deliveries of what was not committed
 * @param repeated deliveries beyond the first of their event
 * @param swapped events that came before an earlier one of their key
 */
public record DeliveryCheck(int delivered, Set<Long> lost, Set<Long> unfounded, int repeated, Set<Long> swapped) {

    /** An event, and what it is ordered by. */
    public record Item(long id, String key) {}

    /**
     * Compares the two.
     *
     * @param committed in order of id
     * @param delivered in the order of delivery
     */
    public static DeliveryCheck of(List<Item> committed, List<Item> delivered) {
        Map<String, Long> lastOfKey = new HashMap<>();
        Map<Long, Long> previous = new HashMap<>();
        for (Item item : committed) {
            previous.put(item.id(), lastOfKey.getOrDefault(item.key(), 0L));
            lastOfKey.put(item.key(), item.id());
        }
        Set<Long> seen = new HashSet<>(Set.of(0L));
        Set<Long> unfounded = new HashSet<>();
        Set<Long> swapped = new HashSet<>();
        int repeated = 0;
        for (Item item : delivered) {
            if (!previous.containsKey(item.id())) {
                unfounded.add(item.id());
            } else if (!seen.add(item.id())) {
                repeated++;
            } else if (!seen.contains(previous.get(item.id()))) {
                swapped.add(item.id());
            }
        }
        Set<Long> lost = new HashSet<>(previous.keySet());
        lost.removeAll(seen);
        return new DeliveryCheck(delivered.size(), lost, unfounded, repeated, swapped);
    }

    /** Nothing lost, nothing that did not happen, order per key; repeats are permitted. */
    public boolean isAtLeastOnceInOrder() {
        return lost.isEmpty() && unfounded.isEmpty() && swapped.isEmpty();
    }

    public boolean isOnceInOrder() {
        return isAtLeastOnceInOrder() && repeated == 0;
    }
}
