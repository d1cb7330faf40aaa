package dev.outbox.relay;

import dev.outbox.log.Action;
import dev.outbox.relay.SubscriptionModel.Applied;
import dev.outbox.relay.SubscriptionModel.Delivered;
import dev.outbox.relay.SubscriptionModel.Written;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Knows what a subscription had to do. An event is delivered once, and once more for each replay that covered it; only after a crash, and after
 * a handler that hangs was cut off, a handler that is not transactional may be handed again what it had. What was discarded does not
 * come unless a replay asks for it. Of one key, an event does not come before the earlier ones are dealt with, and if it comes again so do all
 * later ones, behind it. No replay brings what the log has no more.
 */
final class SubscriptionOracle {

    private final boolean transactional;
    private final boolean goesOn;
    private final SubscriptionModel model;
    private final List<Delivered> delivered;
    private final List<Applied> applied;
    private final Map<Long, List<Integer>> places = new HashMap<>();
    private final List<String> complaints = new ArrayList<>();

    /** @param goesOn whether a key goes on without an event that is dead */
    SubscriptionOracle(
            SubscriptionModel model,
            boolean transactional,
            boolean goesOn,
            List<Delivered> delivered,
            List<Applied> applied) {
        this.model = model;
        this.transactional = transactional;
        this.goesOn = goesOn;
        this.delivered = delivered;
        this.applied =
                applied.stream().filter(action -> !action.result().has("error")).toList();
        for (int place = 0; place < delivered.size(); place++) {
            places.computeIfAbsent(delivered.get(place).id(), first -> new ArrayList<>())
                    .add(place);
        }
    }

    /** What is wrong; the subscription has nothing left to do. */
    List<String> complaints() {
        complaints.addAll(model.complaints);
        model.events().forEach(this::count);
        Map<String, List<Written>> keys = new HashMap<>();
        model.events()
                .forEach(event -> keys.computeIfAbsent(event.key, first -> new ArrayList<>())
                        .add(event));
        keys.values().forEach(this::order);
        return complaints;
    }

    private enum Kind {
        MAY_REPEAT,
        REPLAY_OF_ALL,
        REPLAY_OF_SOME,
        DISCARD,
        DELIVERY
    }

    /** Something that changes what is owed of an event. */
    private record Turn(Instant at, Kind kind, boolean replayed) {}

    private void count(Written event) {
        int owed = 1;
        int mayCome = 1;
        int came = 0;
        boolean mayRepeat = false;
        boolean discarded = false;
        boolean inReplayOfAll = false;
        for (Turn turn : turns(event)) {
            switch (turn.kind()) {
                case MAY_REPEAT -> {
                    mayRepeat = true;
                    mayCome += discarded ? 0 : 1;
                }
                case REPLAY_OF_ALL -> {
                    inReplayOfAll = true;
                    discarded = false;
                    owed = 1;
                    mayCome++;
                }
                case REPLAY_OF_SOME -> {
                    if (came > 0 || discarded) {
                        discarded = false;
                        owed = 1;
                        mayCome++;
                    }
                }
                case DISCARD -> {
                    discarded = true;
                    owed = 0;
                    mayCome = inReplayOfAll ? 1 : 0;
                }
                case DELIVERY -> {
                    complain(event, came, mayCome, discarded, turn.replayed() || mayRepeat);
                    came++;
                    mayCome--;
                    owed = 0;
                }
            }
        }
        if (owed > 0) {
            complaints.add("lost: " + text(event) + " came " + came + " times:" + timeline(event));
        }
    }

    private String timeline(Written event) {
        StringBuilder text = new StringBuilder();
        for (Turn turn : turns(event)) {
            text.append(' ')
                    .append(turn.at().toString().substring(17))
                    .append(turn.kind())
                    .append(turn.replayed() ? "*" : "");
        }
        return text.toString();
    }

    private void complain(Written event, int came, int mayCome, boolean discarded, boolean explained) {
        if (mayCome <= 0) {
            complaints.add((discarded ? "discarded: " : "repeated: ") + text(event) + " came " + (came + 1) + " times:"
                    + timeline(event));
        } else if (came > 0 && !explained) {
            complaints.add(
                    "unmarked: " + text(event) + " came again and was not marked as replayed:" + timeline(event));
        }
    }

    private List<Turn> turns(Written event) {
        List<Turn> turns = new ArrayList<>();
        if (!transactional) {
            model.mayRepeatFrom.forEach(at -> turns.add(new Turn(at, Kind.MAY_REPEAT, false)));
        }
        for (Applied action : applied) {
            if (covers(action, event)) {
                turns.add(new Turn(
                        action.at(),
                        action.arguments().isSelective() ? Kind.REPLAY_OF_SOME : Kind.REPLAY_OF_ALL,
                        false));
            }
            if (discards(action, event)) {
                turns.add(new Turn(action.at(), Kind.DISCARD, false));
            }
        }
        for (int place : places.getOrDefault(event.id, List.of())) {
            turns.add(new Turn(
                    delivered.get(place).at(),
                    Kind.DELIVERY,
                    delivered.get(place).replayed()));
        }
        turns.sort(Comparator.comparing(Turn::at));
        return turns;
    }

    private static boolean covers(Applied action, Written event) {
        Instant gone = event.goneAt;
        if (action.name() != Action.Name.REPLAY
                || !action.concerns(event)
                || (gone != null && action.at().isAfter(gone))) {
            return false;
        }
        if (!action.arguments().isSelective()) {
            return event.id >= action.result().get("from").asLong()
                    && event.id <= action.result().get("through").asLong();
        }
        String from = action.arguments().from();
        String key = action.key();
        String type = action.arguments().type();
        return (from == null || event.id >= Long.parseLong(from))
                && (key == null || key.equals(event.key))
                && (type == null || type.equals(event.type));
    }

    private static boolean discards(Applied action, Written event) {
        if (action.name() == Action.Name.DISCARD) {
            for (var id : action.result().get("ids")) {
                if (id.asLong() == event.id) {
                    return true;
                }
            }
        }
        return false;
    }

    /** @param events of one key, in order of id */
    private void order(List<Written> events) {
        for (int i = 0; i < events.size(); i++) {
            for (int j = i + 1; j < events.size() && j < i + 30; j++) {
                order(events.get(i), events.get(j));
            }
        }
    }

    private void order(Written earlier, Written later) {
        List<Integer> before = places.getOrDefault(earlier.id, List.of());
        List<Integer> after = places.getOrDefault(later.id, List.of());
        boolean wentOn = goesOn && (earlier.diedOnce || later.diedOnce);
        if (after.isEmpty() || wentOn || isWithoutOrder(before) || isWithoutOrder(after)) {
            return;
        }
        int first = after.get(0);
        if ((before.isEmpty() || before.get(0) > first)
                && !isDiscarded(earlier, delivered.get(first).at())) {
            complaints.add("order: " + text(later) + " came before " + text(earlier) + ": " + sequence(earlier.key)
                    + timeline(earlier) + " |" + timeline(later));
        } else if (!before.isEmpty()
                && before.get(before.size() - 1) > after.get(after.size() - 1)
                && !isDiscarded(later, Instant.MAX)
                && !isReplayedAlone(earlier, later)
                && !isDiscarded(earlier, Instant.MAX)) {
            complaints.add("order: " + text(earlier) + " came last, without " + text(later) + ": "
                    + sequence(earlier.key) + timeline(earlier) + " |" + timeline(later));
        }
    }

    private boolean isWithoutOrder(List<Integer> places) {
        return places.stream().anyMatch(place -> !delivered.get(place).ordered());
    }

    private boolean isDiscarded(Written event, Instant before) {
        return applied.stream().anyMatch(action -> action.at().isBefore(before) && discards(action, event));
    }

    private boolean isReplayedAlone(Written earlier, Written later) {
        return applied.stream()
                .anyMatch(action -> (action.arguments().type() != null || later.goneAt != null)
                        && covers(action, earlier)
                        && !covers(action, later));
    }

    private String sequence(String key) {
        List<Long> ids = delivered.stream()
                .map(Delivered::id)
                .filter(id -> model.written.containsKey(id)
                        && model.written.get(id).key.equals(key))
                .toList();
        return ids.size() > 60 ? ids.subList(0, 60) + "…" : ids.toString();
    }

    private static String text(Written event) {
        return event.id + ":" + event.key;
    }
}
