package dev.outbox.tail;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TrafficTests {

    private final AtomicLong now = new AtomicLong();
    private final Traffic traffic = new Traffic(now::get);

    @Test
    void aBurstIsHeavyAtOnceAndLightAgainAfterTwoQuietSpans() {
        assertThat(traffic.isLight()).isTrue();
        traffic.add(10);
        assertThat(traffic.isHeavy()).isTrue();
        pass(100);
        assertThat(traffic.isHeavy()).isFalse();
        assertThat(traffic.isLight()).isFalse();
        pass(100);
        assertThat(traffic.isLight()).isTrue();
    }

    @Test
    void aSteadyRateInBetweenIsNeither() {
        for (int i = 0; i < 1_000; i++) {
            pass(1);
            traffic.add(i % 13 == 0 ? 1 : 0);
            assertThat(traffic.isHeavy()).isFalse();
            assertThat(i < 200 || !traffic.isLight()).as("after %s ms", i).isTrue();
        }
    }

    @Test
    void aFastCommitLetsMoreEventsRing() {
        traffic.aCommitTook(Duration.ofMillis(1)); // 300 a second
        traffic.add(29);
        assertThat(traffic.isHeavy()).isFalse();
        traffic.add(1);
        assertThat(traffic.isHeavy()).isTrue();
        pass(100);
        traffic.add(14);
        assertThat(traffic.isLight()).isFalse();
        pass(100);
        assertThat(traffic.isLight()).isTrue();
    }

    @Test
    void whatIsHeavyIsBetweenAHundredAndAThousandEventsASecond() {
        traffic.aCommitTook(Duration.ofSeconds(1));
        traffic.add(9);
        assertThat(traffic.isHeavy()).isFalse();
        traffic.add(1);
        assertThat(traffic.isHeavy()).isTrue();
        traffic.aCommitTook(Duration.ZERO);
        traffic.add(89);
        assertThat(traffic.isHeavy()).isFalse();
        traffic.add(1);
        assertThat(traffic.isHeavy()).isTrue();
    }

    @Test
    void itAsksOnceASecondAndOnlyInBetween() {
        assertThat(traffic.asksHowLongACommitTakes()).isFalse();
        traffic.add(50);
        assertThat(traffic.asksHowLongACommitTakes()).isTrue();
        traffic.aCommitTook(Duration.ofMillis(1));
        assertThat(traffic.asksHowLongACommitTakes()).isFalse();
        pass(1_000);
        assertThat(traffic.asksHowLongACommitTakes()).isFalse();
        traffic.add(50);
        assertThat(traffic.asksHowLongACommitTakes()).isTrue();
        traffic.add(50);
        assertThat(traffic.asksHowLongACommitTakes()).isFalse();
    }

    @Test
    void whatIsLongAgoDoesNotCount() {
        traffic.add(1_000);
        pass(10_000);
        assertThat(traffic.isHeavy()).isFalse();
        assertThat(traffic.isLight()).isTrue();
    }

    private void pass(long millis) {
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
