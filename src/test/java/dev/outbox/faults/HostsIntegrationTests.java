package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That the hosts are what the scenarios take them for, and that nothing of them is left. */
class HostsIntegrationTests {

    /** As many process ids as Linux has at most. */
    private static final long NOBODY = 4_194_304;

    @TempDir
    Path directory;

    private Hosts hosts;
    private Host one;
    private SinkProcess sink;
    private int port;

    @BeforeEach
    void make() throws Exception {
        Optional<String> obstacle = Namespaces.obstacle();
        obstacle.ifPresent(why -> System.out.println("HostsIntegrationTests are skipped: " + why));
        Assumptions.assumeTrue(obstacle.isEmpty());
        hosts = new Hosts();
        one = hosts.services().get(0);
        sink = new SinkProcess(directory.resolve("sink"), hosts.sink().place());
        port = Integer.parseInt(sink.url().replaceAll(".*:(\\d+)/.*", "$1"));
    }

    @AfterEach
    void remove() throws Exception {
        if (hosts != null) {
            sink.close();
            hosts.close();
            assertThat(Namespaces.all()).noneMatch(name -> name.startsWith(Namespaces.name("")));
        }
    }

    @Test
    void aHostIsReachedByTheOthersUntilItsLinkIsTakenDownAndByTheTestAlsoThen() throws Exception {
        for (boolean ownSide : new boolean[] {true, false}) {
            hosts.services().forEach(this::awaitTheSink);
            hosts.takeDown(hosts.sink(), ownSide);
            assertThat(hosts.services()).noneMatch(this::reachesTheSink);
            sink.is(Sink.Mode.TAKES);
            hosts.heal();
        }
        hosts.services().forEach(this::awaitTheSink);
    }

    @Test
    void aHostWhoseLinkIsTakenDownReachesNobody() {
        hosts.takeDown(one, false);
        assertThat(reachesTheSink(one)).isFalse();
        assertThat(reachesTheSink(hosts.services().get(1))).isTrue();
        hosts.heal();
        awaitTheSink(one);
    }

    @Test
    void whatIsBlockedOneWayArrivesTheOtherWay() {
        long before = segments(hosts.sink());
        hosts.block(one, hosts.sink());
        assertThat(reachesTheSink(one)).isFalse();
        assertThat(segments(hosts.sink())).isEqualTo(before);
        hosts.heal();
        hosts.block(hosts.sink(), one);
        assertThat(reachesTheSink(one)).isFalse();
        assertThat(segments(hosts.sink())).isGreaterThan(before);
        assertThat(reachesTheSink(hosts.services().get(1))).isTrue();
        hosts.heal();
        awaitTheSink(one);
    }

    @Test
    void anIsolatedHostReachesNobodyAndIsNotReached() {
        hosts.isolate(one);
        assertThat(reachesTheSink(one)).isFalse();
        assertThat(reachesTheSink(hosts.services().get(1))).isTrue();
        hosts.heal();
        awaitTheSink(one);
        hosts.isolate(hosts.sink());
        assertThat(reachesTheSink(one)).isFalse();
        hosts.heal();
        awaitTheSink(one);
    }

    @Test
    void aSlowHostIsSlow() {
        hosts.slow(hosts.sink(), "tbf rate 8kbit burst 1600 limit 8000");
        String request = "POST /x HTTP/1.1\\r\\nHost: sink\\r\\nPadding: " + "x".repeat(4_000) + "\\r\\n\\r\\n";
        long began = System.nanoTime();
        assertThat(Programs.tryTo(line(one, "printf '" + request + "' >&3; read -t 20 answer <&3"))
                        .exit())
                .isZero();
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofSeconds(1));
        hosts.heal();
        assertThat(hosts.knows("nothing-of-that-name")).isFalse();
    }

    /** Else the kernel of the new host would end what the old one left open. */
    @Test
    void aHostIsReplacedByOneThatKnowsNothingOfItsConnections() throws Exception {
        Process open = new ProcessBuilder(line(one, "echo open; read -t 60 answer <&3")).start();
        assertThat(open.inputReader().readLine()).isEqualTo("open");
        hosts.takeDown(one, false);
        open.destroyForcibly().waitFor();
        hosts.replace(one);
        awaitTheSink(one);
        assertThat(established(hosts.sink(), one)).isPositive();
        assertThat(established(one, hosts.sink())).isZero();
    }

    @Test
    void whatAKilledProcessHasLeftIsRemovedAndNothingElse() throws Exception {
        String leftOver = Namespaces.name(NOBODY, "service1");
        String ofAnother = Namespaces.name(ProcessHandle.current().pid(), "more");
        String strangers = "strangers-" + ProcessHandle.current().pid();
        List<String> all = List.of(leftOver, ofAnother, strangers);
        try {
            all.forEach(name -> Programs.run("ip netns add " + name));
            Process running = new ProcessBuilder("ip", "netns", "exec", leftOver, "sleep", "1000").start();
            Servers.await(
                    () -> !Programs.run("ip netns pids " + leftOver).isEmpty(),
                    Duration.ofSeconds(10),
                    "a process in the namespace");
            Namespaces.removeLeftOvers();
            assertThat(Namespaces.all()).doesNotContain(leftOver).contains(ofAnother, strangers);
            assertThat(running.waitFor()).isNotZero();
        } finally {
            all.forEach(name -> Programs.tryTo("ip", "netns", "del", name));
        }
    }

    /** The kernel takes up to a second to notice that a link is up. */
    private void awaitTheSink(Host from) {
        Servers.await(() -> reachesTheSink(from), Duration.ofSeconds(10), "a way from " + from.name() + " to the sink");
    }

    private boolean reachesTheSink(Host from) {
        return Programs.tryTo(line(from, "true")).exit() == 0;
    }

    /** Runs something with a connection to the sink as file 3, within a while. */
    private List<String> line(Host from, String what) {
        String connect = "exec 3<>/dev/tcp/" + hosts.sink().address() + "/" + port + " && ";
        String seconds = what.equals("true") ? "2" : "60";
        return List.of(
                "ip",
                "netns",
                "exec",
                from.namespace(),
                "timeout",
                "-s",
                "KILL",
                seconds,
                "bash",
                "-c",
                connect + what);
    }

    private static long segments(Host at) {
        String line = Programs.run("ip netns exec " + at.namespace() + " cat /proc/net/snmp")
                .lines()
                .filter(words -> words.startsWith("Tcp: ") && !words.contains("InSegs"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(line.split(" ", -1)[10]);
    }

    /** How many connections one host has to the other, by its own account. */
    private static long established(Host at, Host with) {
        return Programs.run("ip netns exec " + at.namespace() + " cat /proc/net/tcp /proc/net/tcp6")
                .lines()
                .map(line -> line.trim().split(" +", -1))
                .filter(words -> words[2].contains(hex(with.address()) + ":") && words[3].equals("01"))
                .count();
    }

    /** As the kernel writes it, the last part first. */
    private static String hex(String address) {
        StringBuilder hex = new StringBuilder();
        for (String part : address.split("\\.", -1)) {
            hex.insert(0, "%02X".formatted(Integer.parseInt(part)));
        }
        return hex.toString();
    }
}
