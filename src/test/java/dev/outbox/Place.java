package dev.outbox;

import java.util.List;

/**
 * Where a process of a test runs: on this machine itself, or on a host of its own.
 *
 * @param launcher what its command line begins with there
 * @param address by which processes at other places reach it
 * @param addressForUs by which the test does, whatever becomes of the network between the places
 */
public record Place(List<String> launcher, String address, String addressForUs) {

    public static final Place HERE = new Place(List.of(), "127.0.0.1", "127.0.0.1");
}
