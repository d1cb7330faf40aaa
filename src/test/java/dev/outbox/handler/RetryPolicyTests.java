package dev.outbox.handler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RetryPolicyTests {

    @Test
    void chanceTakesAwayUpToTheJitter() {
        RetryPolicy policy = RetryPolicy.DEFAULT.withDelays(Duration.ofSeconds(10), 3, Duration.ofSeconds(50), 0.2);
        assertThat(policy.delay(1, 0)).hasMillis(10_000);
        assertThat(policy.delay(1, 1)).hasMillis(8_000);
        assertThat(policy.delay(2, 0.5)).hasMillis(27_000);
        assertThat(policy.delay(1_000, 0)).hasMillis(50_000);
    }

    @Test
    void aPolicyThatMakesNoSenseIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> RetryPolicy.DEFAULT.withAttempts(0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryPolicy.DEFAULT.withDelays(Duration.ZERO, 2, Duration.ofSeconds(1), 0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryPolicy.DEFAULT.withDelays(Duration.ofSeconds(2), 2, Duration.ofSeconds(1), 0));
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        RetryPolicy.DEFAULT.withDelays(Duration.ofSeconds(2), Double.NaN, Duration.ofSeconds(3), 0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryPolicy.DEFAULT.withDelays(
                        Duration.ofSeconds(2), 2, Duration.ofSeconds(Long.MAX_VALUE), 0));
    }

    @Test
    void whatAFailureAsksForIsKeptWithinTheBounds() {
        RetryPolicy policy = RetryPolicy.DEFAULT.withDelays(Duration.ofSeconds(10), 3, Duration.ofSeconds(50), 0.2);
        assertThat(policy.within(Duration.ofSeconds(Long.MAX_VALUE))).hasSeconds(50);
        assertThat(policy.within(Duration.ofSeconds(Long.MIN_VALUE))).hasSeconds(10);
        assertThat(policy.within(Duration.ofSeconds(20))).hasSeconds(20);
    }
}
