package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.handler.Event;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The meet of positions, on random histories of a log that is played by hand: the seed is printed and repeats it. */
class PositionTests {

    private static final int ROUNDS = 500;

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());

    @Test
    void theMeetOfTwoSnapshotsIsWhatIsVisibleInBoth() {
        assertThat(new Snapshot("5:9:5,7").meet(new Snapshot("6:12:6,7,10"))).isEqualTo(new Snapshot("5:9:5,6,7"));
        assertThat(new Snapshot("9:9:").meet(new Snapshot("12:12:"))).isEqualTo(new Snapshot("9:9:"));
        assertThat(Snapshot.NOTHING.meet(new Snapshot("12:12:"))).isEqualTo(Snapshot.NOTHING);
    }

    @Test
    void theMeetWithAPositionFurtherOnIsThePositionItself() {
        Position behind = new Position(new Snapshot("5:8:5"), 9, 20, null, 0, "1");
        Position ahead = new Position(new Snapshot("11:14:11"), 15, 40, null, 0, "1");
        Position window = new Position(
                new Snapshot("11:14:11"), 15, 40, new Position.Target(new Snapshot("20:20:"), 21, 60), 50, "1");
        assertThat(behind.meet(ahead)).isEqualTo(behind);
        assertThat(window.meet(behind)).isEqualTo(behind);
        assertThat(window.meet(ahead)).isEqualTo(ahead);
        assertThat(window.meet(window)).isEqualTo(window);
    }

    @Test
    void fromTheMeetNothingIsLostThatOneOfThemHasStillToDo() {
        System.out.println("meet: seed " + seed);
        assertThat(losses(Position::meet)).isZero();
    }

    @Test
    void aMeetThatTakesTheHigherPositionIsCaught() {
        assertThat(losses((a, b) -> a.reach() > b.reach() ? a : b)).isPositive();
    }

    /** An event that is above the one and below the other is neither late nor fresh. */
    @Test
    void aMeetWithTheHigherIdIsCaught() {
        assertThat(losses((a, b) -> {
                    Position meet = a.meet(b);
                    return new Position(
                            meet.done(),
                            meet.barrier(),
                            Math.max(a.high(), b.high()),
                            meet.target(),
                            meet.last(),
                            meet.history());
                }))
                .isPositive();
    }

    private int losses(BinaryOperator<Position> meet) {
        int losses = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Random random = new Random(seed + round);
            History history = new History(random);
            List<Position> readers = history.run(120);
            history.endAll();
            for (int i = 0; i < 3; i++) {
                losses += losses(history, pick(readers, random), pick(readers, random), pick(readers, random), meet);
            }
        }
        return losses;
    }

    private static int losses(
            History history, Position first, Position second, Position third, BinaryOperator<Position> meet) {
        Position both = meet.apply(first, second);
        Position all = meet.apply(both, third);
        Set<Long> undone = new TreeSet<>(history.rest(first));
        undone.addAll(history.rest(second));
        List<Long> rest = history.rest(both);
        assertThat(rest).doesNotHaveDuplicates();
        if (first.target() == null && second.target() == null && rest.containsAll(undone)) {
            assertThat(rest).as("no more than they have to do").hasSameSizeAs(undone);
        }
        int lost = undone.size() - common(undone, rest);
        undone.addAll(history.rest(third));
        return lost + undone.size() - common(undone, history.rest(all));
    }

    private static int common(Set<Long> ids, List<Long> others) {
        Set<Long> common = new HashSet<>(ids);
        common.retainAll(new HashSet<>(others));
        return common.size();
    }

    private static Position pick(List<Position> readers, Random random) {
        return readers.get(random.nextInt(readers.size()));
    }

    private record Row(long tx, long id) {}

    /** Transactions that begin, draw ids, and end in any order; and readers at every stage. */
    private static final class History {

        private static final int READERS = 6;

        private final Random random;
        private final List<Long> running = new ArrayList<>();
        private final List<Row> written = new ArrayList<>();
        private final List<Row> log = new ArrayList<>();
        private final List<Position> readers = new ArrayList<>();
        private long nextTx = 3;
        private long nextId = 1;
        private long completed = 2;

        History(Random random) {
            this.random = random;
            for (int i = 0; i < READERS; i++) {
                readers.add(Position.BEGINNING);
            }
        }

        List<Position> run(int steps) {
            for (int i = 0; i < steps; i++) {
                switch (random.nextInt(4)) {
                    case 0 -> running.add(nextTx++);
                    case 1 -> write();
                    case 2 -> end();
                    default -> read(random.nextInt(READERS));
                }
            }
            return readers;
        }

        void endAll() {
            while (!running.isEmpty()) {
                end();
            }
        }

        List<Long> rest(Position from) {
            List<Long> ids = new ArrayList<>();
            for (Page page = page(from, 3); !page.isEmpty(); page = page(page.after(), 3)) {
                page.events().forEach(event -> ids.add(event.id()));
            }
            return ids;
        }

        private void write() {
            if (!running.isEmpty()) {
                written.add(new Row(running.get(random.nextInt(running.size())), nextId++));
            }
        }

        private void end() {
            if (running.isEmpty()) {
                return;
            }
            long tx = running.remove(random.nextInt(running.size()));
            completed = Math.max(completed, tx);
            if (random.nextInt(6) > 0) {
                written.stream().filter(row -> row.tx() == tx).forEach(log::add);
            }
        }

        /** Sometimes only a part of the page is done, and sometimes it is a replay. */
        private void read(int reader) {
            Page page = page(readers.get(reader), random.nextBoolean() ? 100 : 1 + random.nextInt(4));
            int size = page.events().size();
            readers.set(reader, size > 1 && random.nextInt(3) == 0 ? page.after(size - 1) : page.after());
            if (random.nextInt(30) == 0) {
                readers.set(reader, Position.replay(now(0), 1));
            }
        }

        private Position.Target now(long least) {
            List<Long> listed =
                    running.stream().filter(tx -> tx <= completed).sorted().toList();
            long xmin = listed.isEmpty() ? completed + 1 : listed.get(0);
            String list = listed.stream().map(String::valueOf).collect(Collectors.joining(","));
            Snapshot snapshot = new Snapshot(xmin + ":" + (completed + 1) + ":" + list);
            long high = log.stream().mapToLong(Row::id).max().orElse(0);
            long barrier = nextTx++;
            completed = barrier;
            return new Position.Target(snapshot, barrier, Math.max(least, high));
        }

        /** As {@link EventLog#PAGE} reads. */
        private Page page(Position from, int limit) {
            Set<Long> late = new HashSet<>(from.late().boxed().toList());
            Position.Target target = from.target();
            List<Event> events = log.stream()
                    .filter(row -> target == null || sees(target.snapshot(), row))
                    .filter(row -> row.id() <= from.high()
                            ? late.contains(row.tx()) && row.id() > from.last()
                            : row.id() > from.last() && !sees(from.done(), row))
                    .filter(row -> target == null || row.id() <= target.high())
                    .map(row -> TestLog.event(row.id(), "key"))
                    .sorted((a, b) -> Long.compare(a.id(), b.id()))
                    .limit(limit)
                    .toList();
            if (events.isEmpty() && target == null) {
                return new Page(events, 0, true, from, from);
            }
            Position.Target end = target == null ? now(from.high()) : target;
            Position after = events.size() < limit
                    ? Position.after(end, null)
                    : from.upTo(end, events.get(events.size() - 1).id());
            return new Page(events, events.size(), true, from, after);
        }

        private static boolean sees(Snapshot snapshot, Row row) {
            return row.tx() < snapshot.xmax() && snapshot.inProgress().noneMatch(running -> running == row.tx());
        }
    }
}
