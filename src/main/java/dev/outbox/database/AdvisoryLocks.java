package dev.outbox.database;

/**
 * The keys of all advisory locks that are taken, as SQL: nowhere else is one written down but in {@code event__ring.sql}, whose
 * text is its definition. The numbers are arbitrary; what they lock may not change, since instances of several versions meet in them.
 */
public final class AdvisoryLocks {

    /** In share mode while a tail is asleep; {@code event__ring.sql} tries to have it alone. */
    public static final String BELL = "11311, 1";

    /** Held by who changes the tables of the log. */
    public static final String TABLES_OF_THE_LOG = "11311, 4";

    /** Held by who converts a log that was restored from another cluster. */
    public static final String CONVERSION = "11311, 5";

    /** Held by who looks at the schema and changes it; in a session, since migrations have many transactions. */
    public static final long SCHEMA = 0x6f7574626f780001L;

    private AdvisoryLocks() {}

    /**
     * Held by the session that runs a subscription.
     *
     * @param name an SQL expression
     */
    public static String leader(String name) {
        return ofName(name, 11312);
    }

    /**
     * In share mode with each session that can run a subscription.
     *
     * @param name an SQL expression
     */
    public static String candidate(String name) {
        return ofName(name, 11313);
    }

    /**
     * Held in a transaction by who claims one of a handler's subscriptions.
     *
     * @param handler an SQL expression
     */
    public static String claim(String handler) {
        return ofName(handler, 11314);
    }

    /** A hash of 64 bits. Should two names ever have the same, one of them waits for the other. */
    private static String ofName(String name, int seed) {
        return "hashtextextended(" + name + ", " + seed + ")";
    }
}
