package dev.outbox.faults;

import dev.outbox.Service;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A service on each of the {@link Hosts}, and what happens to them. */
final class ServicesOnHosts {

    /** 8 s if it is cut off, says README.md; and one for the kernel to notice that a link is up. */
    private static final long TAKEN_OVER_WITHIN = 9_000;

    private static final long RECOVERED_WITHIN = 10_000;
    private static final Duration FORGOTTEN_WITHIN = Duration.ofSeconds(30);
    private static final String NARROW = "tbf rate 256kbit burst 4000 limit 16000";
    private static final String DELAY_AND_LOSS = "netem delay 100ms 50ms 25% loss 5%";
    private static final int DAY = 86_400;

    private final Rig rig;
    private final Hosts hosts;
    private final List<FakeClock> clocks = new ArrayList<>();
    private final List<String> vanished = new ArrayList<>();
    private int turn;
    private int takeovers;

    /**
     * Starts them, lets writers write, and waits until each runs its share.
     *
     * @param clocksIn where the files of their clocks are to be; null for the right time
     */
    ServicesOnHosts(Rig rig, Hosts hosts, Map<String, String> settings, Path clocksIn) throws Exception {
        this.rig = rig;
        this.hosts = hosts;
        for (Host host : hosts.services()) {
            if (clocksIn != null) {
                clocks.add(FakeClock.in(clocksIn.resolve(host.name())).orElseThrow());
            }
            start(host, settings);
        }
        for (Service service : rig.services) {
            service.awaitPort();
        }
        rig.write();
        awaitRest();
    }

    /** Why there is no such fault here. */
    static Optional<String> obstacle(HostFault fault, Hosts hosts, Path directory) {
        return switch (fault) {
            case SLOW -> hosts.knows(NARROW) ? Optional.empty() : Optional.of("the kernel has no tbf");
            case DELAY_AND_LOSS ->
                hosts.knows(DELAY_AND_LOSS) ? Optional.empty() : Optional.of("the kernel has no netem");
            case CLOCKS_APART ->
                FakeClock.in(directory.resolve("probe")).isPresent()
                        ? Optional.empty()
                        : Optional.of(FakeClock.MISSING);
            default -> Optional.empty();
        };
    }

    int takeovers() {
        return takeovers;
    }

    /** Lets it happen, and waits until all is well again. */
    void suffer(HostFault fault) throws Exception {
        rig.pause(500, 1_500);
        boolean even = turn++ % 2 == 0;
        switch (fault) {
            case LINK_DOWN -> cutOff(host -> hosts.takeDown(host, even));
            case ONE_WAY -> cutOff(host -> blockOneWay(host, hosts.database(), even));
            case NOT_THE_DATABASE -> cutOff(host -> hosts.separate(host, hosts.database()));
            case DATABASE_DOWN -> cutOffTheDatabase(even);
            case NOT_THE_SINK -> hinder(hostOf(rig.deliverer()), this::keepFromTheSink);
            case SLOW -> hinder(hostOfDelivererOrDatabase(even), host -> hosts.slow(host, NARROW));
            case DELAY_AND_LOSS -> hinder(hostOfDelivererOrDatabase(even), host -> hosts.slow(host, DELAY_AND_LOSS));
            case BURSTS -> hinder(hostOfDelivererOrDatabase(even), this::loseInBursts);
            case VANISHES -> vanish();
            case CLOCKS_APART -> {
                setClocksApart();
                cutOff(host -> hosts.takeDown(host, even));
            }
        }
    }

    private interface Cut {
        void of(Host host);
    }

    /** The time is until another one delivers what never was before; an interruption may be too short for that. */
    private void cutOff(Cut cut) {
        Service deliverer = rig.deliverer();
        Service victim = mostly(deliverer);
        long last = rig.sink.highest();
        rig.injectKill();
        long began = Rig.micros();
        cut.of(hostOf(victim));
        int millis = Lane.isLong() ? 1_000 + rig.dice.nextInt(11_000) : 9_500;
        if (victim == deliverer) {
            awaitAnother(victim, last, began, millis);
        }
        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(began + millis * 1_000L - Rig.micros()));
        hosts.heal();
        requireRecovery();
    }

    private void awaitAnother(Service victim, long last, long began, int millis) {
        boolean taken = Servers.waitFor(
                () -> rig.sink.since(began).stream()
                        .anyMatch(delivery -> delivery.id() > last && delivery.process() != victim.pid()),
                Duration.ofMillis(millis));
        if (taken) {
            noteTakeover(victim, last, began);
        }
        rig.require(taken || millis < TAKEN_OVER_WITHIN, "nobody took over within " + millis + " ms");
    }

    private void noteTakeover(Service victim, long last, long began) {
        long millis = rig.awaitNews(last, began, process -> process != victim.pid(), Rig.SOON);
        takeovers++;
        rig.times.add(millis);
        rig.require(millis <= TAKEN_OVER_WITHIN, "taken over after " + millis + " ms");
    }

    private void blockOneWay(Host one, Host another, boolean there) {
        hosts.block(there ? one : another, there ? another : one);
    }

    /** The test and the writers still reach it, so what is written has piled up when the link is up again. */
    private void cutOffTheDatabase(boolean ownSide) {
        rig.injectKill();
        hosts.takeDown(hosts.database(), ownSide);
        rig.pause(1_000, Lane.isLong() ? 12_000 : 4_000);
        hosts.heal();
        noteRecovery();
    }

    private void keepFromTheSink(Host host) {
        if (turn % 3 == 0) {
            hosts.separate(host, hosts.sink());
        } else {
            blockOneWay(host, hosts.sink(), turn % 3 == 1);
        }
    }

    private void hinder(Host host, Cut hindrance) {
        rig.injectKill();
        hindrance.of(host);
        rig.pause(3_000, 4_500);
        hosts.heal();
        noteRecovery();
    }

    private void loseInBursts(Host host) {
        for (int i = 0; i < 15; i++) {
            hosts.isolate(host);
            rig.pause(30, 150);
            hosts.heal();
            rig.pause(60, 300);
        }
    }

    /** Its connections never end, for those at the other end; in its place comes another one. */
    private void vanish() throws Exception {
        Service deliverer = rig.deliverer();
        Service victim = mostly(deliverer);
        Host host = hostOf(victim);
        long last = rig.sink.highest();
        rig.injectKill();
        long began = Rig.micros();
        hosts.takeDown(host, false);
        vanished.add(ofSessions(host));
        rig.kill(victim);
        rig.pause(500, Lane.isLong() ? 8_000 : 2_000);
        hosts.replace(host);
        Service next = start(host, Map.of());
        if (victim == deliverer) {
            noteTakeover(victim, last, began);
        }
        next.awaitPort();
        requireRecovery();
    }

    /** Those that are there now. */
    private String ofSessions(Host host) {
        return "(client_addr = '%s' and backend_start <= '%s')"
                .formatted(host.address(), rig.database.value("select clock_timestamp()"));
    }

    /** The server ends the sessions of hosts that have vanished, or they would use up its connections. */
    void requireForgotten() {
        if (vanished.isEmpty()) {
            return;
        }
        String left = "select count(*) from pg_stat_activity where datname = '" + rig.database.name() + "' and ("
                + String.join(" or ", vanished) + ")";
        Servers.waitFor(() -> rig.database.number(left) == 0, FORGOTTEN_WITHIN);
        long count = rig.database.number(left);
        rig.require(count == 0, count + " sessions of hosts that have vanished are left");
    }

    private void setClocksApart() {
        List<Integer> off = new ArrayList<>();
        for (FakeClock clock : clocks) {
            off.add(rig.dice.nextInt(2 * DAY) - DAY);
            clock.isOff(off.get(off.size() - 1));
        }
        rig.pause(2_000, 3_000);
        Settlement asks = new Settlement(rig, rig.writers());
        for (Service service : rig.services) {
            long found = (Long.parseLong(asks.get(service, "/faults/clock")) - System.currentTimeMillis()) / 1_000;
            int due = off.get(hosts.services().indexOf(hostOf(service)));
            rig.require(Math.abs(found - due) < 10, "a clock is off by " + found + " s, not " + due);
        }
    }

    private void noteRecovery() {
        rig.times.add(requireRecovery());
    }

    /**
     * Of the handler that posts and the one that counts, wherever they run now. What has piled up comes first, and is gone before the next
     * fault: else it would pile up further each time.
     *
     * @return after how many milliseconds something is delivered that never was before
     */
    private long requireRecovery() {
        long last = rig.lastEvent();
        long millis = rig.awaitProgress(Rig.SOON);
        rig.require(millis <= RECOVERED_WITHIN, "recovered after " + millis + " ms");
        rig.catchUp();
        String counted = "select count(*) from faults_count where event_id > " + last;
        rig.require(
                Servers.waitFor(() -> rig.database.number(counted) > 0, Rig.SOON),
                "nothing new was counted within " + Rig.SOON.toSeconds() + " s");
        return millis;
    }

    /** As long as subscriptions move from one to the other, who delivers is not who did. */
    private void awaitRest() {
        long[] claimsAt = {StaleCheckpoint.claims(rig.database), System.nanoTime()};
        Servers.await(
                () -> {
                    long claims = StaleCheckpoint.claims(rig.database);
                    if (claims != claimsAt[0]) {
                        claimsAt[0] = claims;
                        claimsAt[1] = System.nanoTime();
                    }
                    return System.nanoTime() - claimsAt[1]
                            > Duration.ofSeconds(3).toNanos();
                },
                Rig.SOON,
                "three seconds without a claim");
    }

    private Service start(Host host, Map<String, String> settings) throws IOException {
        Map<String, String> all = new HashMap<>(settings);
        if (!clocks.isEmpty()) {
            all.putAll(clocks.get(hosts.services().indexOf(host)).settings());
        }
        return rig.start(host.place(), hosts.database().forOthers(rig.database), List.of("-Xmx256m"), all);
    }

    /** One time in four of the long lane it is another one, which may run the handler that counts, or nothing. */
    private Service mostly(Service deliverer) {
        return Lane.isLong() && rig.dice.nextInt(4) == 0
                ? rig.services.get(rig.dice.nextInt(rig.services.size()))
                : deliverer;
    }

    private Host hostOfDelivererOrDatabase(boolean ofDeliverer) {
        return ofDeliverer ? hostOf(rig.deliverer()) : hosts.database();
    }

    Host hostOf(Service service) {
        return hosts.services().stream()
                .filter(host -> host.place().equals(service.place()))
                .findFirst()
                .orElseThrow();
    }
}
