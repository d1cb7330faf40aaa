package dev.outbox.handler;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An immutable fact in the log.
 *
 * @param id unique in the log; for one aggregate the order of ids is the order of commits
 * @param aggregateType what kind of thing changed, such as {@code order}
 * @param key which one changed: its id, among those of its kind. Events of one {@link #aggregate()} are delivered in order
 * @param type what happened, such as {@code order.shipped}
 * @param occurredAt when the writer's trigger ran, by the clock of the database
 * @param payload a JSON value, as text
 * @param headers a JSON object, as text; null if nothing travels beside the payload
 * @param replayed whether somebody asked for it again, so that the handler may have had it before; not in the log, but of this delivery
 * @param origin who hands it out; of this delivery too
 */
public record Event(
        long id,
        String aggregateType,
        String key,
        String type,
        Instant occurredAt,
        String payload,
        @Nullable String headers,
        boolean replayed,
        Origin origin) {

    /** As it is in the log. */
    public Event(
            long id,
            String aggregateType,
            String key,
            String type,
            Instant occurredAt,
            String payload,
            @Nullable String headers) {
        this(id, aggregateType, key, type, occurredAt, payload, headers, false, Origin.NONE);
    }

    /**
     * What an effect is to be keyed by: the same at each attempt, replay and restore, and never that of another event, be it of another
     * outbox, or one that got the same id after the end of the log was lost. A UUID of version 8 (RFC 9562, 5.8): a SHA-256 of the
     * identity of the log, the id, and the time in microseconds.
     */
    public UUID uid() {
        long micros = ChronoUnit.MICROS.between(Instant.EPOCH, occurredAt);
        ByteBuffer named = ByteBuffer.allocate(4 * Long.BYTES)
                .putLong(origin.log().getMostSignificantBits())
                .putLong(origin.log().getLeastSignificantBits())
                .putLong(id)
                .putLong(micros);
        ByteBuffer hash = ByteBuffer.wrap(sha256(named.array()));
        return new UUID((hash.getLong() & ~0xf000L) | 0x8000L, (hash.getLong() & ~(3L << 62)) | (2L << 62));
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    /**
     * The token of the leader that hands it out. One that was replaced and does not know it may still send what others have gone beyond: a
     * receiver that remembers the highest token of a subscription, and refuses lower ones, takes nothing from it.
     */
    public long fence() {
        return origin.fence();
    }

    /** The same, handed out by somebody. */
    public Event from(Origin leader) {
        return new Event(id, aggregateType, key, type, occurredAt, payload, headers, replayed, leader);
    }

    /** What it is of: type and id. */
    public Aggregate aggregate() {
        return new Aggregate(aggregateType, key);
    }

    /** How much of a bound it takes up: 1, and 1 for each kilobyte of what it carries. */
    public int weight() {
        return 1 + (payload.length() + (headers == null ? 0 : headers.length())) / 1_024;
    }

    /** The same, marked as replayed. */
    public Event asReplayed() {
        return new Event(id, aggregateType, key, type, occurredAt, payload, headers, true, origin);
    }
}
