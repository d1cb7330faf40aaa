package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StaleCheckpointIntegrationTests {

    private final TestDatabase database = TestDatabase.fresh();
    private String thawed = "";

    @BeforeEach
    void anotherHasTakenOver() {
        StaleCheckpoint.record(database);
        database.execute("insert into outbox.subscription (name, kind, types) values ('sink', 'handler', '{}')");
        store(1, "7-frozen", "100:100:", 5);
        store(2, "8-heir", "100:100:", 5);
        store(3, "8-heir", "200:200:", 0);
        thawed = database.value("select clock_timestamp()::text");
    }

    @Test
    void whatWasStoredBeforeAndByTheOtherIsNot() {
        store(4, "8-heir", "300:300:", 0);
        assertClean();
        assertThat(StaleCheckpoint.claims(database)).isEqualTo(2);
    }

    @Test
    void aClaimAndWhatFollowsItIsNot() {
        store(4, "7-frozen", "200:200:", 0);
        store(5, "7-frozen", "300:300:", 0);
        assertClean();
        assertThat(StaleCheckpoint.claims(database)).isEqualTo(3);
    }

    @Test
    void whatGoesOnWhereTheFrozenOneStoodIs() {
        store(4, "7-frozen", "101:101:", 0);
        assertThat(StaleCheckpoint.of(database, "sink", 7, thawed))
                .hasValueSatisfying(text -> assertThat(text).contains("101:101:", " after ", "200:200:"));
    }

    /** What it collides with is gone, and what it would be compared with. */
    @Test
    void whatGoesOnThereAfterTheGenerationsBetweenAreTrimmedIs() {
        trim(3);
        store(2, "7-frozen", "101:101:", 0);
        assertStale();
    }

    @Test
    void itStaysOneWhenItIsTrimmedItself() {
        trim(3);
        store(2, "7-frozen", "101:101:", 0);
        trim(3);
        store(4, "8-heir", "300:300:", 0);
        assertStale();
    }

    /** As the frozen one's first position may be, if nothing is written. */
    @Test
    void soIsOneOfTheSamePosition() {
        trim(3);
        store(2, "7-frozen", "200:200:", 0);
        assertStale();
    }

    private void assertClean() {
        assertThat(StaleCheckpoint.of(database, "sink", 7, thawed)).isEmpty();
        assertThat(StaleCheckpoint.anywhere(database)).isEmpty();
    }

    private void assertStale() {
        assertThat(StaleCheckpoint.of(database, "sink", 7, thawed)).isPresent();
        assertThat(StaleCheckpoint.anywhere(database)).hasValue("sink 2 after 3");
    }

    private void trim(long generation) {
        database.execute("delete from outbox.checkpoint where generation < " + generation);
    }

    private void store(long generation, String instance, String done, long last) {
        database.execute("""
                insert into outbox.checkpoint
                    (subscription, generation, done, barrier, high, last, instance, system_identifier)
                values ('sink', %d, '%s', '1000', 0, %d, '%s', 1)
                """.formatted(generation, done, last, instance));
    }
}
