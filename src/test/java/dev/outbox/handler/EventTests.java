package dev.outbox.handler;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class EventTests {

    private static final UUID LOG = UUID.fromString("0190b6f2-7d3c-4c7e-9a31-5d2f8e6b1c04");
    private static final Instant TIME = Instant.parse("2026-01-31T12:00:00.123456Z");

    /** Receivers keep them: the way they are made must never change. */
    @Test
    void aUidStaysTheSameForEver() {
        UUID uid = event(7, TIME).from(new Origin(LOG, 1)).uid();
        assertThat(uid.version()).isEqualTo(8);
        assertThat(uid.variant()).isEqualTo(2);
        assertThat(event(7, TIME).asReplayed().from(new Origin(LOG, 9)).uid()).isEqualTo(uid);
        assertThat(uid).hasToString("2a8a3109-359b-8066-83c8-60ffed82edf2");
    }

    @Test
    void nothingElseHasIt() {
        UUID uid = event(7, TIME).from(new Origin(LOG, 1)).uid();
        assertThat(event(8, TIME).from(new Origin(LOG, 1)).uid()).isNotEqualTo(uid);
        assertThat(event(7, TIME.plusNanos(1_000)).from(new Origin(LOG, 1)).uid())
                .isNotEqualTo(uid);
        assertThat(event(7, TIME).from(new Origin(new UUID(1, 2), 1)).uid()).isNotEqualTo(uid);
    }

    private static Event event(long id, Instant at) {
        return new Event(id, "thing", "1", "thing.made", at, "{}", null);
    }
}
