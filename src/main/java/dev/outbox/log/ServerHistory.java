package dev.outbox.log;

import org.jspecify.annotations.Nullable;

/**
 * Which life of which server a position was read from. A server that was promoted may lack the end of what the old one had, and one
 * that crashed has forgotten the transaction ids that left no trace on the disk: both give the same ids out again, for other events.
 */
final class ServerHistory {

    /**
     * The timeline, which changes with a promotion: the first bytes of the name of its log change at once. And the moment when
     * the server made its shared memory, which it does at every start and after every crash, also of a single backend; so it tells two
     * standbys apart that were promoted to the same timeline.
     */
    static final String SQL = "(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || '/'"
            + " || (select extract(epoch from stats_reset)::text from pg_stat_get_recovery_prefetch()))";

    private ServerHistory() {}

    /** A statement in which {history} stands for it. */
    static String in(String statement) {
        return statement.replace("{history}", SQL);
    }

    /** Whether what was read in one is good in the other; null is good for any. */
    static boolean isSame(@Nullable String one, @Nullable String other) {
        return one == null || other == null || one.equals(other);
    }

    /** The one that is known of two that have to be the same. */
    static @Nullable String common(@Nullable String one, @Nullable String other) {
        if (!isSame(one, other)) {
            throw new StalePositionException(String.valueOf(one), String.valueOf(other));
        }
        return one == null ? other : one;
    }
}
