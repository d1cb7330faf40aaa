package dev.outbox.log;

import dev.outbox.handler.Event;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Which events of the log a subscription wants. The events of an aggregate are all in the same shard: {@code outbox.shard}
 * says in which.
 *
 * @param types empty for all
 * @param shard which part of the aggregates, from 1
 * @param shards how many parts there are; 1 if it wants all
 */
public record Wanted(Set<String> types, int shard, int shards) {

    /** Each shard reads the whole log, so this many are enough. */
    private static final int MOST_SHARDS = 64;

    public static final Wanted ALL = new Wanted(Set.of(), 1, 1);

    public Wanted {
        types = Set.copyOf(types);
        if (shards < 1 || shards > MOST_SHARDS || shard < 1 || shard > shards) {
            throw new IllegalArgumentException(
                    "A handler has 1 to " + MOST_SHARDS + " shards, not " + shard + " of " + shards);
        }
    }

    /** What at least one of them wants, of all shards. */
    public static Wanted byAny(Collection<Wanted> several) {
        Set<String> types = new HashSet<>();
        for (Wanted one : several) {
            if (one.types.isEmpty()) {
                return ALL;
            }
            types.addAll(one.types);
        }
        return new Wanted(types, 1, 1);
    }

    /** Whether it wants an event. */
    public boolean includes(Event event) {
        return (types.isEmpty() || types.contains(event.type()))
                && (shards == 1 || shardOf(event.aggregateType(), event.key(), shards) == shard);
    }

    /** The same as {@code outbox.shard}, in routines/event__shard_of_aggregate.sql. */
    static int shardOf(String aggregateType, String key, int shards) {
        byte[] hash = sha256((aggregateType + '/' + key).getBytes(StandardCharsets.UTF_8));
        return 1 + (Byte.toUnsignedInt(hash[0]) * 256 + Byte.toUnsignedInt(hash[1])) % shards;
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every JVM has SHA-256", e);
        }
    }

    /** The name of a handler's subscription to this; in the order of the shards the names are in order too. */
    public String name(String handler) {
        if (shards == 1) {
            return handler;
        }
        String number = Integer.toString(shard);
        String most = Integer.toString(shards);
        return handler + "." + "0".repeat(most.length() - number.length()) + number + "-of-" + most;
    }

    /** The names of all shards, in order. */
    List<String> names(String handler) {
        return IntStream.rangeClosed(1, shards)
                .mapToObj(number -> new Wanted(types, number, shards).name(handler))
                .toList();
    }

    /** For a parameter; empty for all. */
    String[] sortedTypes() {
        return types.stream().sorted().toArray(String[]::new);
    }
}
