package dev.outbox.retention;

import dev.outbox.log.Partition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Ids that no partition holds.
 *
 * @param from the first; {@link Long#MIN_VALUE} if there is none below
 * @param to the first behind them; {@link Long#MAX_VALUE} if there is none above
 */
record Gap(long from, long to) {

    /** From the lowest to the highest; the ids before the first partition and behind the last one among them. */
    static List<Gap> between(List<Partition> partitions) {
        List<Gap> gaps = new ArrayList<>();
        long from = Long.MIN_VALUE;
        for (Partition part : partitions.stream()
                .sorted(Comparator.comparingLong(Partition::to))
                .toList()) {
            if (part.from() > from && part.from() > 0) {
                gaps.add(new Gap(from, part.from()));
            }
            from = part.to();
        }
        gaps.add(new Gap(from, Long.MAX_VALUE));
        return gaps;
    }

    boolean has(long id) {
        return id >= from && id < to;
    }

    /** A partition from the beginning of the gap up to well above an id. */
    Partition filledAbove(long id, long size) {
        long start = Math.max(from, 0);
        long above = id < start ? start + size : start + ((id + size / 2 - start) / size + 1) * size;
        return partition(start, above);
    }

    /** A partition that holds an id of the gap. */
    Partition around(long id, long size) {
        long start = Math.max(from, 0);
        long below = start + (id - start) / size * size;
        return partition(below, below + size);
    }

    private Partition partition(long start, long end) {
        long upTo = end < start ? to : Math.min(end, to);
        return new Partition("event_" + start, start, upTo);
    }
}
