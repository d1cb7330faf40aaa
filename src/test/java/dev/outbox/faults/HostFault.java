package dev.outbox.faults;

/** What may happen to hosts and to the network between them. */
enum HostFault {
    LINK_DOWN(23, "link down", 28),
    ONE_WAY(24, "to the database, or from it, nothing", 28),
    NOT_THE_DATABASE(25, "the others, not the database", 28),
    DATABASE_DOWN(26, "the database's link down", 20),
    NOT_THE_SINK(27, "the database, not the sink", 28),
    SLOW(28, "256 kbit/s, a queue of 16 kB", 20),
    DELAY_AND_LOSS(29, "100 ± 50 ms, 5 % lost", 20),
    BURSTS(30, "a third of the time all lost", 20),
    VANISHES(31, "one vanishes without FIN", 20),
    CLOCKS_APART(32, "clocks up to a day apart, link down", 12);

    /** Where it stands in the table. */
    final int order;

    final String title;

    /** In the long lane. */
    final int times;

    HostFault(int order, String title, int times) {
        this.order = order;
        this.title = "hosts: " + title;
        this.times = times;
    }

    /** Whether another one has to take over. */
    boolean cutsOff() {
        return switch (this) {
            case LINK_DOWN, ONE_WAY, NOT_THE_DATABASE, VANISHES, CLOCKS_APART -> true;
            case DATABASE_DOWN, NOT_THE_SINK, SLOW, DELAY_AND_LOSS, BURSTS -> false;
        };
    }
}
