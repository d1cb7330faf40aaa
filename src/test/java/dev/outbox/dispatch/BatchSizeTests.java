package dev.outbox.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BatchSizeTests {

    private final BatchSize batchSize = new BatchSize();

    @Test
    void itIsHalvedUntilOneEventIsAloneAndGrowsAgain() {
        batchSize.failed(8);
        assertThat(batchSize.size()).isEqualTo(4);
        batchSize.failed(4);
        batchSize.failed(2);
        batchSize.failed(1);
        assertThat(batchSize.size()).isEqualTo(1);
        batchSize.succeeded(1);
        batchSize.succeeded(2);
        assertThat(batchSize.size()).isEqualTo(4);
    }

    @Test
    void afterAFailureThatCostMuchOneGoesAtATimeUntilTheWrongOneIsFound() {
        batchSize.failedDearly(8);
        batchSize.succeeded(1);
        batchSize.succeeded(1);
        assertThat(batchSize.size()).isEqualTo(1);
        batchSize.found();
        batchSize.succeeded(1);
        assertThat(batchSize.size()).isEqualTo(2);
    }

    @Test
    void orUntilAllAreHandledWhichFailedTogether() {
        batchSize.failedDearly(3);
        batchSize.succeeded(1);
        batchSize.succeeded(1);
        assertThat(batchSize.size()).isEqualTo(1);
        batchSize.succeeded(1);
        assertThat(batchSize.size()).isEqualTo(2);
    }

    @Test
    void aLostConnectionIsTheEventsFaultAtTheSecondTimeInARow() {
        assertThat(batchSize.lostAgain(7)).isFalse();
        assertThat(batchSize.lostAgain(7)).isTrue();
        assertThat(batchSize.lostAgain(7)).isFalse();
        assertThat(batchSize.lostAgain(8)).isFalse();
        batchSize.succeeded(1);
        assertThat(batchSize.lostAgain(8)).isFalse();
    }
}
