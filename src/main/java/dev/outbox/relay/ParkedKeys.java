package dev.outbox.relay;

import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedEvent.State;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The keys of one subscription that a failed event holds back: its first event is tried again by the policy, the later ones wait
 * behind it in order. What changes is kept until {@link #takeChanges()}, to be stored with the position that passes the events.
 *
 * <p>Not safe for threads: one at a time.
 */
final class ParkedKeys {

    /** In the order in which they are due. */
    private static final Comparator<Entry> BY_TIME =
            Comparator.<Entry>comparingLong(entry -> entry.dueAt).thenComparingLong(entry -> entry.id);

    private final RetryPolicy policy;
    private final LongSupplier millis;
    private final DoubleSupplier chance;
    private final Map<Long, Entry> entries = new HashMap<>();
    private final Map<String, ArrayDeque<Entry>> keys = new HashMap<>();
    private final TreeSet<Entry> due = new TreeSet<>(BY_TIME);
    private final Set<Long> changed = new HashSet<>();

    /**
     * @param millis the time, from any beginning; it only ever moves on
     * @param chance 0 to 1
     * @param stored those that are stored, in order of id
     */
    ParkedKeys(RetryPolicy policy, LongSupplier millis, DoubleSupplier chance, Collection<ParkedEvent> stored) {
        this.policy = policy;
        this.millis = millis;
        this.chance = chance;
        stored.forEach(this::load);
        keys.values().forEach(this::ready);
    }

    /** A parked event. */
    static final class Entry {

        final long id;
        final String key;
        final boolean replayed;
        private final long parkedAt;
        private State state = State.BLOCKED;
        private int attempts;
        private long dueAt;
        private @Nullable String error;

        private Entry(long id, String key, boolean replayed, long parkedAt) {
            this.id = id;
            this.key = key;
            this.replayed = replayed;
            this.parkedAt = parkedAt;
        }

        int attempts() {
            return attempts;
        }
    }

    /** How many events are parked. */
    int size() {
        return entries.size();
    }

    /** Whether an event is parked already: it may come again from the log, whose position is stored a little later. */
    boolean contains(long id) {
        return entries.containsKey(id);
    }

    /** Whether later events of the key have to wait. */
    boolean holds(String key) {
        return keys.containsKey(key);
    }

    /**
     * Parks the first event of a key, which failed.
     *
     * @return it, and when it will be tried again
     */
    Entry park(long id, String key, boolean replayed, Outcome failure) {
        Entry entry = add(id, key, replayed);
        fail(entry, failure);
        return entry;
    }

    /** Parks an event behind those of its key; one that has none before it is due at once. */
    void block(long id, String key, boolean replayed) {
        Entry entry = add(id, key, replayed);
        if (queue(key).peek() == entry) {
            retryAt(entry, millis.getAsLong());
        }
    }

    /** When the next attempt is due, in ms; empty if none is. */
    OptionalLong nextAt() {
        return due.isEmpty() ? OptionalLong.empty() : OptionalLong.of(due.first().dueAt);
    }

    /** Takes the event whose attempt is due now; it is in hand until {@link #deliver}, {@link #fail} or {@link #postpone}. */
    @Nullable
    Entry takeDue() {
        return due.isEmpty() || due.first().dueAt > millis.getAsLong() ? null : due.pollFirst();
    }

    /** Takes the event that waits longest for its attempt, due or not. */
    @Nullable
    Entry takeAny() {
        return due.pollFirst();
    }

    /** The event is done; the next of its key is due, or the key is free. */
    void deliver(Entry entry) {
        remove(entry);
        entries.remove(entry.id);
        changed.add(entry.id);
    }

    /** The attempt failed: it will be tried again, or it is dead. */
    void fail(Entry entry, Outcome failure) {
        entry.attempts++;
        if (failure instanceof Outcome.Retry retry
                && !policy.isExhausted(entry.attempts, Duration.ofMillis(millis.getAsLong() - entry.parkedAt))) {
            entry.error = Outcome.describe(retry.cause());
            Duration after = retry.after() == null ? policy.delay(entry.attempts, chance.getAsDouble()) : retry.after();
            retryAt(entry, millis.getAsLong() + after.toMillis());
        } else {
            entry.error = Outcome.describe(Outcome.cause(failure));
            giveUp(entry);
        }
    }

    /** The attempt does not count: it was the destination that failed. It goes behind the others that are due. */
    void postpone(Entry entry) {
        retryAt(entry, millis.getAsLong());
    }

    /** What becomes of it, in words for the log. */
    String next(Entry entry) {
        return entry.state == State.DEAD ? "dead" : "retry in " + due(entry).toMillis() + " ms";
    }

    /** What has changed since the last call: the events as they are now, or null for those that are done. */
    Map<Long, @Nullable ParkedEvent> takeChanges() {
        if (changed.isEmpty()) {
            return Map.of();
        }
        Map<Long, @Nullable ParkedEvent> changes = new LinkedHashMap<>();
        for (Long id : changed) {
            Entry entry = entries.get(id);
            changes.put(id, entry == null ? null : event(entry));
        }
        changed.clear();
        return changes;
    }

    private void load(ParkedEvent stored) {
        long now = millis.getAsLong();
        Entry entry = new Entry(
                stored.eventId(),
                stored.key(),
                stored.replayed(),
                now - stored.age().toMillis());
        entry.state = stored.state();
        entry.attempts = stored.attempts();
        entry.error = stored.error();
        entry.dueAt = stored.due() == null ? now : now + stored.due().toMillis();
        entries.put(entry.id, entry);
        if (entry.state != State.DEAD || policy.whenDead() == RetryPolicy.WhenDead.BLOCK_KEY) {
            queue(entry.key).add(entry);
        }
    }

    /** Only the first of a key is due: one that came again may stand before one that was tried. */
    private void ready(ArrayDeque<Entry> queue) {
        Entry head = queue.element();
        queue.stream()
                .filter(entry -> entry != head && entry.state == State.RETRYING)
                .forEach(entry -> entry.state = State.BLOCKED);
        if (head.state == State.RETRYING) {
            due.add(head);
        } else if (head.state == State.BLOCKED) {
            retryAt(head, head.dueAt);
        }
    }

    private Entry add(long id, String key, boolean replayed) {
        Entry entry = new Entry(id, key, replayed, millis.getAsLong());
        entries.put(id, entry);
        queue(key).add(entry);
        changed.add(id);
        return entry;
    }

    private void retryAt(Entry entry, long at) {
        entry.state = State.RETRYING;
        entry.dueAt = at;
        due.add(entry);
        changed.add(entry.id);
    }

    private void giveUp(Entry entry) {
        entry.state = State.DEAD;
        changed.add(entry.id);
        if (policy.whenDead() == RetryPolicy.WhenDead.GO_ON) {
            remove(entry);
        }
    }

    /** From the queue of its key, whose next event is due then. */
    private void remove(Entry entry) {
        ArrayDeque<Entry> queue = queue(entry.key);
        queue.remove(entry);
        Entry next = queue.peek();
        if (next == null) {
            keys.remove(entry.key);
        } else if (next.state == State.BLOCKED) {
            retryAt(next, millis.getAsLong());
        }
    }

    private ArrayDeque<Entry> queue(String key) {
        return keys.computeIfAbsent(key, first -> new ArrayDeque<>(2));
    }

    private Duration due(Entry entry) {
        return Duration.ofMillis(entry.dueAt - millis.getAsLong());
    }

    private ParkedEvent event(Entry entry) {
        return new ParkedEvent(
                entry.id,
                entry.key,
                entry.state,
                entry.attempts,
                entry.state == State.RETRYING ? due(entry) : null,
                entry.error,
                entry.replayed,
                Duration.ofMillis(millis.getAsLong() - entry.parkedAt));
    }
}
