package dev.outbox.relay;

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
    }

    @Test
    void aLotIsHalvedUntilOneEventIsAloneAndGrowsAgain() {
        Lot lot = new Lot();
        lot.failed(8);
        assertThat(lot.size()).isEqualTo(4);
        lot.failed(4);
        lot.failed(2);
        lot.failed(1);
        assertThat(lot.size()).isEqualTo(1);
        lot.succeeded();
        lot.succeeded();
        assertThat(lot.size()).isEqualTo(4);
    }

    @Test
    void anEventThatEndsItsConnectionThreeTimesInARowIsAtFault() {
        Lot lot = new Lot();
        lot.lost(2, 7);
        lot.lost(1, 7);
        lot.lost(1, 7);
        assertThat(lot.isAtFault(7)).isFalse();
        lot.lost(1, 7);
        assertThat(lot.isAtFault(7)).isTrue();
        assertThat(lot.isAtFault(8)).isFalse();
    }
}
