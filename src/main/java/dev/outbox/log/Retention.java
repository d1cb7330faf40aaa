package dev.outbox.log;

import dev.outbox.log.Partitions.Result;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Looks after the partitions of the log, round after round: makes them ahead of the ids, empties those that are old and passed by
 * every subscription, and drops the empty ones. What a lock refuses waits for a later round. Every instance does so; they do not
 * get into each other's way. For one round at a time.
 */
final class Retention {

    private static final Logger LOG = LoggerFactory.getLogger(Retention.class);

    /** Partitions ahead last that long if ids run on as they do: while a dump goes on none can be made. */
    private static final Duration OUTLIVES = Duration.ofHours(2);

    private static final Duration SAY_EVERY = Duration.ofHours(1);

    /** By one lock of the log. */
    private static final int DROPPED_AT_ONCE = 8;

    private final Partitions partitions;
    private final RetentionSettings settings;
    private final Clock clock;
    private final Growth growth;
    private final Map<String, Long> said = new HashMap<>();

    Retention(Partitions partitions, RetentionSettings settings, Clock clock) {
        this.partitions = partitions;
        this.settings = settings;
        this.clock = clock;
        this.growth = new Growth(clock);
    }

    /** Does what there is to do; answers whether there is more, because a lock was refused or a partition was emptied. */
    Mono<Boolean> round() {
        return Mono.zip(partitions.all(), partitions.drawn())
                .flatMapMany(found -> Flux.concat(
                        makeAhead(found.getT1(), found.getT2()),
                        settleStrays(found.getT1(), found.getT2()),
                        settings.retention().isZero() ? Mono.empty() : removeOld(found.getT1(), found.getT2())))
                .collectList()
                .map(results -> results.stream().anyMatch(result -> result != Result.NOTHING));
    }

    private Mono<Result> makeAhead(List<Partition> all, long drawn) {
        long ahead = all.stream().filter(part -> part.from() > drawn).count();
        long outlives = growth.after(drawn, OUTLIVES) / settings.partitionEvents() + 1;
        long wanted = Math.min(Partitions.MOST_AHEAD, Math.max(settings.partitionsAhead(), outlives));
        return make(nextFrom(all, drawn), wanted - ahead);
    }

    private Mono<Result> make(long from, long count) {
        if (count <= 0) {
            return Mono.empty();
        }
        long to = from + settings.partitionEvents();
        return partitions
                .make(from, to)
                .flatMap(result -> result == Result.DONE ? make(to, count - 1) : Mono.just(result));
    }

    /** Behind the last partition; if ids are there already, well above them, since the default one must have none of the new one's. */
    private long nextFrom(List<Partition> all, long drawn) {
        long size = settings.partitionEvents();
        long top = all.isEmpty() ? 1 : all.get(all.size() - 1).to();
        return drawn < top ? top : top + ((drawn + size / 2 - top) / size + 1) * size;
    }

    /** Events that came before their partition was made are in the default one; it is taken from them once ids have passed on. */
    private Flux<Result> settleStrays(List<Partition> all, long drawn) {
        return partitions.hasStrays(0, Long.MAX_VALUE).flatMapMany(strays -> {
            if (!strays) {
                return Flux.empty();
            }
            say(
                    "strays",
                    "partition.strays table=outbox.event_default: partitions were made too late, or ids were not drawn");
            return Flux.range(1, Math.max(0, all.size() - 1))
                    .filter(i -> all.get(i - 1).to() < all.get(i).from()
                            && all.get(i).from() <= drawn)
                    .concatMap(i -> settleStrays(all.get(i - 1).to(), all.get(i).from()), 1);
        });
    }

    private Mono<Result> settleStrays(long from, long to) {
        return partitions
                .hasStrays(from, to)
                .flatMap(strays -> strays ? partitions.moveStrays(from, to) : Mono.just(Result.NOTHING));
    }

    /** From the oldest on to the first that is too young, among those that ids have left behind. */
    private Flux<Result> removeOld(List<Partition> all, long drawn) {
        return Flux.fromIterable(all)
                .takeWhile(part -> part.to() <= drawn)
                .concatMap(this::age, 1)
                .takeUntil(aged -> aged.age() == Age.YOUNG)
                .collectList()
                .flatMapMany(aged -> Flux.concat(dropEmpty(aged), emptyOld(aged)));
    }

    private enum Age {
        EMPTY,
        OLD,
        YOUNG
    }

    private record Aged(Partition partition, Age age) {}

    private Mono<Aged> age(Partition partition) {
        return partitions
                .isOld(partition, settings.retention())
                .map(old -> old ? Age.OLD : Age.YOUNG)
                .defaultIfEmpty(Age.EMPTY)
                .map(age -> new Aged(partition, age));
    }

    private Mono<Result> dropEmpty(List<Aged> aged) {
        List<Partition> empty = aged.stream()
                .filter(each -> each.age() == Age.EMPTY)
                .map(Aged::partition)
                .limit(DROPPED_AT_ONCE)
                .toList();
        return empty.isEmpty() ? Mono.empty() : partitions.drop(empty);
    }

    private Flux<Result> emptyOld(List<Aged> aged) {
        return Flux.fromIterable(aged)
                .filter(each -> each.age() == Age.OLD)
                .map(Aged::partition)
                .concatMap(this::empty, 1);
    }

    /** An emptied one is to be dropped by the next round. */
    private Mono<Result> empty(Partition partition) {
        return partitions.holders(partition, settings.retention()).flatMap(holders -> {
            if (holders.isEmpty()) {
                return partitions.empty(partition, settings.retention());
            }
            say("held " + holders, "retention.held partition=" + partition.name() + " subscriptions=" + holders);
            return Mono.just(Result.NOTHING);
        });
    }

    /** At once for what is new, then every hour. */
    private void say(String what, String line) {
        long now = clock.millis();
        Long last = said.get(what);
        if (last == null || now - last >= SAY_EVERY.toMillis()) {
            said.put(what, now);
            LOG.warn(line);
        }
    }
}
