package dev.outbox.faults;

import dev.outbox.relay.DeliveryCheck;
import dev.outbox.relay.Writers.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What three witnesses say of one run, to be joined: the writers, the log, the sink.
 *
 * @param commits of the writers
 * @param logged the events in the log, in order of id
 * @param deliveries in the order in which the sink wrote them down
 */
record Histories(List<Commit> commits, List<Logged> logged, List<Delivery> deliveries) {

    /** A transaction of a writer, how many events with its token it wrote, and what the writer knows of its end. */
    record Commit(String token, int events, Outcome outcome) {}

    /** An event in the log; its type is the token of its transaction, if a writer wrote it. */
    record Logged(long id, String key, String token) {}

    /**
     * What does not fit together; all sets are empty when nothing is wrong. Repeats are permitted, up to a bound that is the
     * scenario's to know.
     *
     * @param lost events in the log that the sink has not taken
     * @param vanished transactions whose commit was acknowledged, yet the log has not all their events
     * @param risen transactions that failed, yet the log has events of them
     * @param torn transactions of which the log has some events but not all
     * @param unfounded events that the sink has and the log has not
     * @param swapped events that the sink took before an earlier one of their key
     * @param repeats the deliveries beyond the first of their event
     */
    record Verdict(
            Set<Long> lost,
            Set<String> vanished,
            Set<String> risen,
            Set<String> torn,
            Set<Long> unfounded,
            Set<Long> swapped,
            List<Delivery> repeats) {

        int lostCount() {
            return lost.size() + vanished.size();
        }

        boolean isClean() {
            return lost.isEmpty()
                    && vanished.isEmpty()
                    && risen.isEmpty()
                    && torn.isEmpty()
                    && unfounded.isEmpty()
                    && swapped.isEmpty();
        }
    }

    Verdict verdict() {
        List<Delivery> taken = deliveries.stream().filter(Delivery::accepted).toList();
        DeliveryCheck check = DeliveryCheck.of(
                logged.stream()
                        .map(event -> new DeliveryCheck.Item(event.id(), event.key()))
                        .toList(),
                taken.stream()
                        .map(delivery -> new DeliveryCheck.Item(delivery.id(), delivery.key()))
                        .toList());
        Map<String, Integer> found = found();
        return new Verdict(
                check.lost(),
                tokens(found, Outcome.COMMITTED, (commit, count) -> count < commit.events()),
                tokens(found, Outcome.FAILED, (commit, count) -> count > 0),
                tokens(found, null, (commit, count) -> count > 0 && count != commit.events()),
                check.unfounded(),
                check.swapped(),
                repeats(taken));
    }

    long count(Outcome outcome) {
        return commits.stream().filter(commit -> commit.outcome() == outcome).count();
    }

    /** How many events the log has of each token. */
    private Map<String, Integer> found() {
        Map<String, Integer> found = new HashMap<>();
        logged.forEach(event -> found.merge(event.token(), 1, Integer::sum));
        return found;
    }

    private interface Contradiction {
        boolean isIn(Commit commit, int found);
    }

    private Set<String> tokens(Map<String, Integer> found, Outcome outcome, Contradiction contradiction) {
        return commits.stream()
                .filter(commit -> outcome == null || commit.outcome() == outcome)
                .filter(commit -> contradiction.isIn(commit, found.getOrDefault(commit.token(), 0)))
                .map(Commit::token)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<Delivery> repeats(List<Delivery> taken) {
        Set<Long> seen = new HashSet<>();
        List<Delivery> repeats = new ArrayList<>();
        for (Delivery delivery : taken) {
            if (!seen.add(delivery.id())) {
                repeats.add(delivery);
            }
        }
        return repeats;
    }
}
