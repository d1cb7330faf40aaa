package dev.outbox.dispatch;

import dev.outbox.handler.Aggregate;
import dev.outbox.handler.Event;
import dev.outbox.handler.RetryPolicy;
import dev.outbox.log.Parked;
import dev.outbox.log.ParkedEvent;
import dev.outbox.log.ParkedEvent.State;
import dev.outbox.log.ParkedHead;
import dev.outbox.log.ParkedRow;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The keys of one subscription that a failed event holds back: the first event of each is tried again by the policy, the later ones wait
 * behind it in order of id. Only the first of each key is kept here; those behind it are rows, and are read in chunks when it is done.
 * What changes is kept until {@link #takeChanges()}, to be stored with the position that passes the events.
 *
 * <p>A key that a dead event holds stays so for the run: only what operators ask for between two runs can free it. Of such keys a run knows
 * those that pages have events of, and those whose event died in it. When these are many it is {@link #isCrowded()}, and the next run begins
 * without them.
 *
 * <p>A key is here as a <em>group</em>: the aggregate of the event, or the event alone if the subscription is without order.
 *
 * <p>Not safe for threads, but for {@link #expect} and {@link #holdDead}: one at a time.
 */
final class ParkedKeys {

    /** In the order in which they are due. */
    private static final Comparator<Entry> BY_TIME =
            Comparator.<Entry>comparingLong(entry -> entry.dueAt).thenComparingLong(entry -> entry.id);

    /** Rows are read so many at a time … */
    private static final int CHUNK = 1_000;

    /** … while fewer than so many events, by weight, are here beside the first of each key; else one at a time. */
    private static final int LOADED = 20_000;

    /** With so many keys that dead events hold a run had better begin anew: it begins with half of that at most. */
    private static final int CROWD = 20_000;

    private final RetryPolicy policy;
    private final boolean ordered;
    private final LongSupplier millis;
    private final DoubleSupplier chance;
    private final Map<Aggregate, Held> held = new HashMap<>();
    private final TreeSet<Entry> due = new TreeSet<>(BY_TIME);
    private final Map<Long, @Nullable Entry> changed = new LinkedHashMap<>();
    private final Map<Long, ParkedEvent> ahead = new ConcurrentHashMap<>();

    /** Keys of pages that dead events hold; none of these is held otherwise, but for one that has died in this run. */
    private final Set<Aggregate> dead = ConcurrentHashMap.newKeySet();

    private int deadHeads;
    private List<Load> loads = new ArrayList<>();

    /** By weight, what is here of events behind the first of their key, and what may come with the loads under way. */
    private long loaded;

    private long taken;

    /**
     * @param ordered whether events of a key wait for each other
     * @param millis the time, from any beginning; it only ever moves on
     * @param chance 0 to 1
     * @param stored what is parked already
     */
    ParkedKeys(RetryPolicy policy, boolean ordered, LongSupplier millis, DoubleSupplier chance, Parked stored) {
        this.policy = policy;
        this.ordered = ordered;
        this.millis = millis;
        this.chance = chance;
        stored.heads().forEach(this::hold);
    }

    /** A parked event. */
    static final class Entry {

        final long id;
        final Aggregate group;
        final Aggregate aggregate;
        final boolean replayed;
        private final long parkedAt;
        private State state = State.BLOCKED;
        private int attempts;
        private long dueAt;
        private @Nullable String error;

        /** As it is in the log, if it was read with it. */
        @Nullable
        Event event;

        private Entry(long id, Aggregate group, Aggregate aggregate, boolean replayed, long parkedAt) {
            this.id = id;
            this.group = group;
            this.aggregate = aggregate;
            this.replayed = replayed;
            this.parkedAt = parkedAt;
        }

        int attempts() {
            return attempts;
        }
    }

    /** A key that waits. Of its events those up to {@code upTo} are parked; those up to {@code loadedTo} are done or here. */
    private static final class Held {

        private @Nullable Entry head;
        private @Nullable ArrayDeque<Entry> behind;
        private long loadedTo;
        private long upTo;

        /** The lowest id that was parked although a higher one was there: writers that lock no row of the key may commit in any order. */
        private long missed = Long.MAX_VALUE;

        /** With which of the changes that are taken its last row is. */
        private long savedWith;

        private Held(long first) {
            this.loadedTo = first;
            this.upTo = first;
        }
    }

    /** Rows that are to be read once the changes of that number are stored, counted by {@link #takeChanges}: those of a key with ids above {@code after}, up to {@code upTo}, at most so many. */
    record Load(Aggregate key, long after, long upTo, int limit, long savedWith) {

        private int reserved() {
            return limit == 1 ? 0 : limit;
        }
    }

    /** How many keys wait for something to be tried. */
    int keys() {
        return held.size() - deadHeads;
    }

    /** Whether the run has to know of so many keys that dead events hold that it should end, for another one to begin without them. */
    boolean isCrowded() {
        return deadHeads + dead.size() > CROWD;
    }

    /** How many changes are to be stored. */
    int unsaved() {
        return changed.size();
    }

    Aggregate group(Event event) {
        return group(event.id(), event.aggregate());
    }

    private Aggregate group(long id, Aggregate aggregate) {
        return ordered ? aggregate : new Aggregate("", Long.toString(id));
    }

    /** Whether later events of the group have to wait. */
    boolean holds(Aggregate group) {
        return held.containsKey(group) || dead.contains(group);
    }

    /** Dead events hold these keys of what comes next from the log; safe for threads. */
    void holdDead(Collection<Aggregate> groups) {
        dead.addAll(groups);
    }

    /** These rows are of events that come next from the log; safe for threads. */
    void expect(Collection<ParkedEvent> rows) {
        rows.forEach(row -> ahead.put(row.eventId(), row));
    }

    /** The row of an event that comes from the log although it is parked; null if there is none. */
    @Nullable
    ParkedEvent expected(long id) {
        return ahead.isEmpty() ? null : ahead.get(id);
    }

    /** Whether the event of such a row is done with: it is dead and holds nothing, or was discarded. */
    boolean isOver(ParkedEvent row) {
        return row.state() == State.DISCARDED || (row.state() == State.DEAD && !deadHolds());
    }

    /** The event of such a row is passed: what was discarded leaves no row. */
    void pass(ParkedEvent row) {
        ahead.remove(row.eventId());
        if (row.state() == State.DISCARDED) {
            changed.put(row.eventId(), null);
        }
    }

    /** The event of such a row is passed, and so it is stored. */
    void forget(ParkedEvent row) {
        ahead.remove(row.eventId());
    }

    /** The event of such a row is the first of its group that is not done: it is tried when the row says. */
    void resume(ParkedEvent row) {
        ahead.remove(row.eventId());
        hold(new ParkedHead(row, row.eventId()));
    }

    /**
     * Parks the first event of a group, which failed.
     *
     * @return it, and when it will be tried again
     */
    Entry park(Event event, Outcome failure) {
        Entry entry = add(event);
        fail(entry, failure);
        return entry;
    }

    /** Parks an event behind those of its group; one that has none before it is due at once. */
    void block(Event event) {
        if (holds(group(event))) {
            Entry entry = entry(event);
            changed.put(entry.id, entry);
        }
        blocked(event);
    }

    /** An event is parked behind those of its group, and stored as {@link ParkedEvent#blocked}; they may be done by now. */
    void blocked(Event event) {
        if (!holds(group(event))) {
            retryAt(add(event), millis.getAsLong());
            return;
        }
        ahead.remove(event.id());
        Held key = held.get(group(event));
        if (key == null) {
            return; // behind a dead one, and all of it is in its row
        }
        key.savedWith = taken + 1;
        if (event.id() <= key.upTo) {
            key.missed = Math.min(key.missed, event.id());
        }
        key.upTo = Math.max(key.upTo, event.id());
    }

    /** When the next attempt is due, in ms; empty if none is. */
    OptionalLong nextAt() {
        return due.isEmpty() ? OptionalLong.empty() : OptionalLong.of(due.first().dueAt);
    }

    /** Takes the event whose attempt is due now; it is in flight until {@link #deliver}, {@link #fail} or {@link #postpone}. */
    @Nullable
    Entry takeDue() {
        return due.isEmpty() || due.first().dueAt > millis.getAsLong() ? null : due.pollFirst();
    }

    /**
     * Takes events whose attempts are due now, in order of id: one that failed before alone, others together, with those behind them.
     *
     * @return at most so many; they are in flight until each is delivered, or {@link #fail} or {@link #putBack}
     */
    List<Entry> takeDue(int most) {
        List<Entry> taken = new ArrayList<>();
        while (taken.size() < most) {
            Entry next = due.isEmpty() ? null : due.first();
            if (next == null || next.dueAt > millis.getAsLong() || (next.attempts > 0 && !taken.isEmpty())) {
                break;
            }
            due.remove(next);
            taken.add(next);
            if (next.attempts > 0) {
                return taken;
            }
            takeBehind(next, most, taken);
        }
        taken.sort(Comparator.comparingLong(entry -> entry.id));
        return taken;
    }

    private void takeBehind(Entry head, int most, List<Entry> taken) {
        ArrayDeque<Entry> behind = held(head.group).behind;
        if (behind == null) {
            return;
        }
        long now = millis.getAsLong();
        for (Entry next : behind) {
            if (taken.size() >= most || next.attempts > 0 || next.state == State.DEAD || next.dueAt > now) {
                return;
            }
            taken.add(next);
        }
    }

    /** Takes the event that waits longest for its attempt, due or not. */
    @Nullable
    Entry takeAny() {
        return due.pollFirst();
    }

    /** The event, the first of its group, is done; the next of its group is due, or the group is free. */
    void deliver(Entry entry) {
        changed.put(entry.id, null);
        advance(entry);
    }

    /** The events are done, and so it is stored. */
    void deliverStored(List<Entry> entries) {
        for (Entry entry : entries) {
            due.remove(entry);
            advance(entry);
        }
        entries.forEach(entry -> changed.remove(entry.id));
    }

    /** The attempt failed: it will be tried again, or it is dead. */
    void fail(Entry entry, Outcome failure) {
        entry.attempts++;
        if (failure instanceof Outcome.Retry retry
                && !policy.isExhausted(entry.attempts, Duration.ofMillis(millis.getAsLong() - entry.parkedAt))) {
            entry.error = Outcome.describe(retry.cause());
            Duration after = retry.after() == null
                    ? policy.delay(entry.attempts, chance.getAsDouble())
                    : policy.within(retry.after());
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

    /** The attempt does not count: it tells nothing of a single one of them. */
    void putBack(List<Entry> entries) {
        entries.stream().filter(entry -> held(entry.group).head == entry).forEach(due::add);
    }

    /** What becomes of it, in words for the log. */
    String next(Entry entry) {
        return entry.state == State.DEAD ? "dead" : "retry in " + due(entry).toMillis() + " ms";
    }

    /** What has changed since the last call: the events as they are now, or null for those that are done. */
    Map<Long, @Nullable ParkedEvent> takeChanges() {
        taken++;
        if (changed.isEmpty()) {
            return Map.of();
        }
        Map<Long, @Nullable ParkedEvent> changes = new LinkedHashMap<>();
        changed.forEach((id, entry) -> changes.put(id, entry == null ? null : event(entry)));
        changed.clear();
        return changes;
    }

    boolean hasLoads() {
        return !loads.isEmpty();
    }

    /** What is to be read; each is answered by {@link #loaded}. */
    List<Load> takeLoads() {
        if (loads.isEmpty()) {
            return List.of();
        }
        List<Load> taken = loads;
        loads = new ArrayList<>();
        return taken;
    }

    void loaded(Load load, List<ParkedRow> rows) {
        Held key = held(load.key());
        key.behind = new ArrayDeque<>(rows.size());
        loaded -= load.reserved();
        for (ParkedRow row : rows) {
            Entry entry = entry(row.parked());
            entry.event = load.limit() == 1 ? null : row.event();
            key.behind.add(entry);
            loaded += weight(entry);
        }
        key.loadedTo = rows.size() < load.limit()
                ? load.upTo()
                : rows.get(rows.size() - 1).parked().eventId();
        next(load.key(), key);
    }

    private boolean deadHolds() {
        return ordered && policy.whenDead() == RetryPolicy.WhenDead.BLOCK_KEY;
    }

    private void hold(ParkedHead stored) {
        Entry entry = entry(stored.event());
        Held key = new Held(entry.id);
        key.head = entry;
        key.upTo = stored.upTo();
        held.put(entry.group, key);
        ready(entry);
    }

    /** It is the first of its group now. */
    private void ready(Entry entry) {
        if (entry.state == State.RETRYING) {
            due.add(entry);
        } else if (entry.state == State.BLOCKED) {
            retryAt(entry, millis.getAsLong());
        } else {
            holdForGood(entry);
        }
    }

    /** Nothing behind it is needed in this run. */
    private void holdForGood(Entry entry) {
        Held key = held(entry.group);
        deadHeads++;
        if (key.behind != null) {
            key.behind.forEach(behind -> loaded -= weight(behind));
            key.behind = null;
        }
    }

    private Entry add(Event event) {
        ahead.remove(event.id());
        Entry entry = entry(event);
        Held key = new Held(entry.id);
        key.head = entry;
        held.put(entry.group, key);
        return entry;
    }

    private Entry entry(Event event) {
        return new Entry(event.id(), group(event), event.aggregate(), event.replayed(), millis.getAsLong());
    }

    private Entry entry(ParkedEvent stored) {
        long now = millis.getAsLong();
        Entry entry = new Entry(
                stored.eventId(),
                group(stored.eventId(), stored.aggregate()),
                stored.aggregate(),
                stored.replayed(),
                now - stored.age().toMillis());
        entry.state = stored.state();
        entry.attempts = stored.attempts();
        entry.dueAt = stored.due() == null ? now : now + stored.due().toMillis();
        return entry;
    }

    private void retryAt(Entry entry, long at) {
        entry.state = State.RETRYING;
        entry.dueAt = at;
        due.add(entry);
        changed.put(entry.id, entry);
    }

    private void giveUp(Entry entry) {
        entry.state = State.DEAD;
        changed.put(entry.id, entry);
        if (deadHolds()) {
            holdForGood(entry);
        } else {
            advance(entry);
        }
    }

    /** Past the first of a group. */
    private void advance(Entry gone) {
        Held key = held(gone.group);
        key.head = null;
        next(gone.group, key);
    }

    /** The next of the group is due, or is to be read, or the group is free. */
    private void next(Aggregate group, Held key) {
        if (key.behind != null && !key.behind.isEmpty()) {
            Entry head = key.behind.remove();
            loaded -= weight(head);
            key.head = head;
            ready(head);
        } else if (key.upTo > key.loadedTo || key.missed <= key.loadedTo) {
            key.behind = null;
            long after = Math.min(key.loadedTo, key.missed - 1);
            Load load = new Load(group, after, key.upTo, loaded < LOADED ? CHUNK : 1, key.savedWith);
            loads.add(load);
            loaded += load.reserved();
            key.missed = Long.MAX_VALUE;
        } else {
            held.remove(group);
        }
    }

    private static int weight(Entry entry) {
        return entry.event == null ? 1 : entry.event.weight();
    }

    private Held held(Aggregate group) {
        Held key = held.get(group);
        if (key == null) {
            throw new IllegalStateException("Nothing of " + group + " is parked");
        }
        return key;
    }

    private Duration due(Entry entry) {
        return Duration.ofMillis(entry.dueAt - millis.getAsLong());
    }

    private ParkedEvent event(Entry entry) {
        return new ParkedEvent(
                entry.id,
                entry.aggregate,
                entry.state,
                entry.attempts,
                entry.state == State.RETRYING ? due(entry) : null,
                entry.error,
                entry.replayed,
                Duration.ofMillis(millis.getAsLong() - entry.parkedAt));
    }
}
