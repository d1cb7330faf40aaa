package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.Test;

/** The meet of positions that readers of a real server had stored in random histories; {@link PositionTests} plays the log by hand. */
class MeetIntegrationTests {

    private static final int ROUNDS = 4;
    private static final int STEPS = 300;
    private static final int MEETS = 12;

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());

    @Test
    void fromTheMeetComesAllThatOneOfThemHasNotDoneAndAMeetThatTakesTheHigherOneLosesSome() throws Exception {
        System.out.println("meet on a server: seed " + seed);
        Random random = new Random(seed);
        int lostByTwin = 0;
        for (int round = 0; round < ROUNDS; round++) {
            try (RestoreModel model = new RestoreModel(TestDatabase.fresh(), random)) {
                model.run(STEPS);
                List<Position> positions = model.positions();
                for (int i = 0; i < MEETS; i++) {
                    List<Position> some = random.ints(3, 0, positions.size())
                            .mapToObj(positions::get)
                            .toList();
                    assertThat(lost(model, some, Position::meet)).isEmpty();
                    lostByTwin += lost(model, some, (a, b) -> a.reach() > b.reach() ? a : b)
                            .size();
                }
            }
        }
        assertThat(lostByTwin).isPositive();
    }

    private static Set<Long> lost(RestoreModel model, List<Position> some, BinaryOperator<Position> meet) {
        Set<Long> lost = new HashSet<>();
        some.forEach(position -> lost.addAll(model.rest(position)));
        List<Long> found = model.rest(some.stream().reduce(meet).orElseThrow());
        assertThat(found).doesNotHaveDuplicates();
        found.forEach(lost::remove);
        return lost;
    }
}
