package dev.outbox.faults;

import dev.outbox.Place;
import dev.outbox.TestDatabase;
import java.util.List;

/**
 * A host of {@link Hosts}: a network namespace with an address of its own.
 *
 * @param name which is also that of the router's interface to it
 * @param number from 1
 * @param namespace what {@code ip netns} calls it
 */
record Host(String name, int number, String namespace, Place place) {

    /** Its interface to the router, and that to the test. */
    static final String LINK = "eth0";

    static final String LINK_TO_TEST = "eth1";

    /** Of all hosts. */
    static final String NETWORK = "10.77.0.0/16";

    static Host of(String name, int number, String namespace, String addressForTest) {
        List<String> launcher = List.of("ip", "netns", "exec", namespace);
        return new Host(name, number, namespace, new Place(launcher, "10.77." + number + ".2", addressForTest));
    }

    String address() {
        return place.address();
    }

    String router() {
        return "10.77." + number + ".1";
    }

    /** The same database, for other hosts. */
    TestDatabase forOthers(TestDatabase database) {
        return new TestDatabase(address(), database.port(), database.name());
    }
}
