package dev.outbox.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LotTests {

    private final Lot lot = new Lot();

    @Test
    void itIsHalvedUntilOneEventIsAloneAndGrowsAgain() {
        lot.failed(8);
        assertThat(lot.size()).isEqualTo(4);
        lot.failed(4);
        lot.failed(2);
        lot.failed(1);
        assertThat(lot.size()).isEqualTo(1);
        lot.succeeded(1);
        lot.succeeded(2);
        assertThat(lot.size()).isEqualTo(4);
    }

    @Test
    void afterAFailureThatCostMuchOneGoesAtATimeUntilTheWrongOneIsFound() {
        lot.failedDearly(8);
        lot.succeeded(1);
        lot.succeeded(1);
        assertThat(lot.size()).isEqualTo(1);
        lot.found();
        lot.succeeded(1);
        assertThat(lot.size()).isEqualTo(2);
    }

    @Test
    void orUntilAllAreHandledWhichFailedTogether() {
        lot.failedDearly(3);
        lot.succeeded(1);
        lot.succeeded(1);
        assertThat(lot.size()).isEqualTo(1);
        lot.succeeded(1);
        assertThat(lot.size()).isEqualTo(2);
    }

    @Test
    void aLostConnectionIsTheEventsFaultAtTheSecondTimeInARow() {
        assertThat(lot.lostAgain(7)).isFalse();
        assertThat(lot.lostAgain(7)).isTrue();
        assertThat(lot.lostAgain(7)).isFalse();
        assertThat(lot.lostAgain(8)).isFalse();
        lot.succeeded(1);
        assertThat(lot.lostAgain(8)).isFalse();
    }
}
