package dev.outbox.retention;

import dev.outbox.log.Partition;
import dev.outbox.retention.TableChanges.Result;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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
    private final Map<String, Long> lastLogged = new HashMap<>();

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
                        keepAhead(found.getT1(), found.getT2()),
                        settings.retention().isZero() ? Mono.empty() : removeOld(found.getT1(), found.getT2())))
                .collectList()
                .map(results -> results.stream().anyMatch(result -> result != Result.NOTHING));
    }

    /** Beside events in the default partition none is made: that would read them all while everybody waits. */
    private Mono<Result> keepAhead(List<Partition> all, long drawn) {
        return partitions
                .strays()
                .areThere()
                .flatMap(strays -> strays ? settleStrays(all, drawn) : makeAhead(all, drawn));
    }

    private Mono<Result> settleStrays(List<Partition> all, long drawn) {
        say(
                "strays",
                "partition.strays table=outbox.event_default: partitions were made too late, or ids were not drawn");
        return partitions.strays().settle(all, drawn, settings.partitionEvents());
    }

    private Mono<Result> makeAhead(List<Partition> all, long drawn) {
        long end = coveredUpTo(all, drawn);
        long ahead = all.stream()
                .filter(part -> part.from() > drawn && part.to() <= end)
                .count();
        long outlives = growth.after(drawn, OUTLIVES) / settings.partitionEvents() + 1;
        long wanted = Math.min(Partitions.MOST_AHEAD, Math.max(settings.partitionsAhead(), outlives));
        return make(all, drawn, wanted - ahead);
    }

    private Mono<Result> make(List<Partition> all, long drawn, long count) {
        if (count <= 0) {
            return Mono.empty();
        }
        Partition next = next(all, drawn);
        return partitions.make(next).flatMap(result -> {
            List<Partition> more = Stream.concat(all.stream(), Stream.of(next))
                    .sorted(Comparator.comparingLong(Partition::to))
                    .toList();
            return result == Result.DONE ? make(more, drawn, count - 1) : Mono.just(result);
        });
    }

    /** Where the next ids have no partition yet. */
    private Partition next(List<Partition> all, long drawn) {
        long end = coveredUpTo(all, drawn);
        return Gap.between(all).stream()
                .filter(gap -> gap.has(end))
                .findFirst()
                .orElseThrow()
                .filledAbove(drawn, settings.partitionEvents());
    }

    /** The first id above what is drawn that no partition holds. */
    private static long coveredUpTo(List<Partition> all, long drawn) {
        long end = drawn + 1;
        for (Partition part : all) {
            if (part.from() <= end && end < part.to()) {
                end = part.to();
            }
        }
        return end;
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
        Long last = lastLogged.get(what);
        if (last == null || now - last >= SAY_EVERY.toMillis()) {
            lastLogged.put(what, now);
            LOG.warn(line);
        }
    }
}
