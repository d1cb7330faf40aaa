package dev.outbox.peers.modulith;

import java.time.Instant;
import java.util.List;

/** What was made. */
record Thing(int thingId, List<Integer> parts, Instant made) {}
