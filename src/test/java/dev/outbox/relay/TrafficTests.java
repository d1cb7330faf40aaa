package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

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
