package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import dev.outbox.relay.SubscriptionModel.Applied;
import dev.outbox.relay.SubscriptionModel.Delivered;
import dev.outbox.relay.SubscriptionModel.Plan;
import dev.outbox.relay.SubscriptionModel.Written;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** A search finds nothing that its oracle takes for right. So each wrong that engines have done is shown to it, and what looks like one. */
class SubscriptionOracleTests {

    private static final Arguments FROM_FIRST = new Arguments("1", null, null, null, null, null);

    private final SubscriptionModel model = new SubscriptionModel(4);
    private final List<Delivered> delivered = new ArrayList<>();
    private final List<Applied> applied = new ArrayList<>();
    private Instant now = Instant.EPOCH;
    private boolean transactional = true;

    @BeforeEach
    void writeThreeOfAKey() {
        for (long id = 1; id <= 3; id++) {
            model.written.put(id, new Written(id, "k", "type", Plan.NONE));
        }
    }

    @Test
    void eachOnceInOrder() {
        deliver(1, 2, 3);
        assertThat(complaints()).isEmpty();
    }

    @Test
    void oneThatIsLost() {
        deliver(1, 2);
        assertThat(complaints()).singleElement().asString().startsWith("lost: 3:k");
    }

    /** As the effects of a batch that was rolled back, when it had stored what it parked. */
    @Test
    void oneThatComesTwice() {
        deliver(1, 2, 3, 3);
        assertThat(complaints()).singleElement().asString().startsWith("repeated: 3:k came 2 times");
    }

    @Test
    void oneThatComesAgainWithAReplay() {
        deliver(1, 2, 3);
        replay(FROM_FIRST);
        deliverAgain(1, 2, 3);
        assertThat(complaints()).isEmpty();
    }

    @Test
    void oneThatComesAgainWithAReplayAndDoesNotSaySo() {
        deliver(1, 2, 3);
        replay(FROM_FIRST);
        deliver(1, 2, 3);
        assertThat(complaints()).hasSize(3).allMatch(complaint -> complaint.startsWith("unmarked: "));
    }

    @Test
    void oneThatAReplayLeavesOut() {
        deliver(1, 2, 3);
        replay(FROM_FIRST);
        deliverAgain(1, 2);
        assertThat(complaints()).anyMatch(complaint -> complaint.startsWith("lost: 3:k"));
    }

    @Test
    void oneThatIsDeliveredAlthoughItWasDiscarded() {
        deliver(1);
        discard(2);
        deliver(2, 3);
        assertThat(complaints()).singleElement().asString().startsWith("discarded: 2:k");
    }

    @Test
    void oneThatStaysAwayBecauseItWasDiscarded() {
        deliver(1);
        discard(2);
        deliver(3);
        assertThat(complaints()).isEmpty();
    }

    @Test
    void oneThatComesBeforeAnEarlierOne() {
        deliver(2, 1, 3);
        assertThat(complaints()).singleElement().asString().startsWith("order: 2:k came before 1:k");
    }

    /** An older event that came again behind a newer one that was parked. */
    @Test
    void oneThatComesAgainLastOfItsKey() {
        transactional = false;
        deliver(1, 2, 3);
        mayRepeat();
        deliver(1);
        assertThat(complaints())
                .hasSize(2)
                .allMatch(complaint -> complaint.startsWith("order: 1:k came last, without "));
    }

    @Test
    void oneThatComesAgainAfterACrash() {
        deliver(1, 2);
        mayRepeat();
        deliver(1, 2, 3);
        assertThat(complaints())
                .as("of a transactional handler")
                .hasSize(2)
                .allMatch(complaint -> complaint.startsWith("repeated: "));
        transactional = false;
        assertThat(complaints()).isEmpty();
    }

    private void deliver(long... ids) {
        for (long id : ids) {
            delivered.add(new Delivered(id, false, true, next()));
        }
    }

    private void deliverAgain(long... ids) {
        for (long id : ids) {
            delivered.add(new Delivered(id, true, true, next()));
        }
    }

    private void replay(Arguments arguments) {
        apply(Action.Name.REPLAY, arguments, "{\"from\": 1, \"through\": 3}");
    }

    private void discard(long id) {
        apply(Action.Name.DISCARD, Arguments.NONE, "{\"ids\": [" + id + "]}");
    }

    private void apply(Action.Name name, Arguments arguments, String result) {
        applied.add(
                new Applied(name, arguments, 1, 1, next(), JsonMapper.shared().readTree(result)));
    }

    private void mayRepeat() {
        model.mayRepeatFrom.add(next());
    }

    private Instant next() {
        now = now.plusMillis(1);
        return now;
    }

    private List<String> complaints() {
        return new SubscriptionOracle(model, transactional, false, delivered, applied).complaints();
    }
}
