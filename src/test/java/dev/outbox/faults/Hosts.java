package dev.outbox.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Several hosts on one machine: a database host, one for the sink and three for services, each a network namespace with a link to a
 * router, which is one too. What is done to the network is done at the router, or at a host's own link to it. Each host has another
 * link to this process, which nothing is done to.
 *
 * <p>They share the kernel, its clock, the disk and the numbers of processes. All is removed by {@link #close}, at the end of this
 * process at the latest; what a killed one has left is removed by the next.
 */
final class Hosts implements AutoCloseable {

    private static final int SERVICES = 3;

    private final String router = Namespaces.name("router");
    private final int part = unusedPart();
    private final Host database = host("database", 1);
    private final Host sink = host("sink", 2);
    private final List<Host> services = IntStream.rangeClosed(1, SERVICES)
            .mapToObj(i -> host("service" + i, 2 + i))
            .toList();
    private final List<Host> down = new ArrayList<>();
    private final List<Host> slow = new ArrayList<>();
    private final List<String> blocked = new ArrayList<>();

    Hosts() {
        Namespaces.removeLeftOvers();
        Runtime.getRuntime().addShutdownHook(new Thread(Namespaces::removeOwn));
        try {
            makeRouter();
            Stream.concat(Stream.of(database, sink), services.stream()).forEach(this::make);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    Host database() {
        return database;
    }

    Host sink() {
        return sink;
    }

    List<Host> services() {
        return services;
    }

    /** The addresses that the hosts know each other and this process by. */
    List<String> networks() {
        return List.of(Host.NETWORK, "198.18." + part + ".0/24");
    }

    /**
     * Takes down the host's link.
     *
     * @param ownSide as if the host did it, which then knows; else the far end of its cable, and it only has no carrier
     */
    void takeDown(Host host, boolean ownSide) {
        down.add(host);
        Programs.run(
                ownSide
                        ? "ip -n " + host.namespace() + " link set " + Host.LINK + " down"
                        : "ip -n " + router + " link set " + host.name() + " down");
    }

    /** What one sends to the other vanishes on the way, without a word to the sender. */
    void block(Host from, Host to) {
        block("from " + from.address() + " to " + to.address());
    }

    /** Both ways. */
    void separate(Host one, Host another) {
        block(one, another);
        block(another, one);
    }

    /** From all others, both ways. */
    void isolate(Host host) {
        block("from " + host.address());
        block("to " + host.address());
    }

    /** What goes to the host and comes from it takes that long and some of it is lost, or has that little room: in the words of tc. */
    void slow(Host host, String discipline) {
        slow.add(host);
        Programs.run("tc -n " + router + " qdisc replace dev " + host.name() + " root " + discipline);
        Programs.run("tc -n " + host.namespace() + " qdisc replace dev " + Host.LINK + " root " + discipline);
    }

    /** Whether the kernel has a queueing discipline, given in the words of tc. */
    boolean knows(String discipline) {
        List<String> add = new ArrayList<>(List.of("tc", "-n", router, "qdisc", "add", "dev", "lo", "root"));
        add.addAll(List.of(discipline.split(" ", -1)));
        boolean knows = Programs.tryTo(add).exit() == 0;
        Programs.tryTo("tc", "-n", router, "qdisc", "del", "dev", "lo", "root");
        return knows;
    }

    /** The network is as it was. */
    void heal() {
        blocked.forEach(what -> Programs.run(rule("del", what)));
        blocked.clear();
        for (Host host : slow) {
            Programs.run("tc -n " + router + " qdisc del dev " + host.name() + " root");
            Programs.run("tc -n " + host.namespace() + " qdisc del dev " + Host.LINK + " root");
        }
        slow.clear();
        down.forEach(this::bringUp);
        down.clear();
    }

    /**
     * In place of a host whose link is down and whose processes are gone there is another with its address, which knows nothing of the
     * connections of the old one: that never said that they ended.
     */
    void replace(Host host) {
        down.remove(host);
        Programs.run("ip -n " + router + " link del " + host.name());
        Namespaces.remove(host.namespace());
        make(host);
    }

    @Override
    public void close() {
        Namespaces.removeOwn();
    }

    private Host host(String name, int number) {
        return Host.of(name, number, Namespaces.name(name), toTest(number, 2));
    }

    private void makeRouter() {
        Programs.run("ip netns add " + router);
        Programs.tryTo("ip", "netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    }

    private void make(Host host) {
        String namespace = host.namespace();
        Programs.run("ip netns add " + namespace);
        Programs.run("ip -n %s link add %s type veth peer name %s netns %s"
                .formatted(router, host.name(), Host.LINK, namespace));
        Programs.run("ip -n %s addr add %s/24 dev %s".formatted(router, host.router(), host.name()));
        Programs.run("ip -n %s addr add %s/24 dev %s".formatted(namespace, host.address(), Host.LINK));
        Programs.run("ip link add %s type veth peer name %s netns %s"
                .formatted(linkToTest(host), Host.LINK_TO_TEST, namespace));
        Programs.run("ip addr add %s/30 dev %s".formatted(toTest(host.number(), 1), linkToTest(host)));
        Programs.run("ip link set %s up".formatted(linkToTest(host)));
        Programs.run("ip -n %s addr add %s/30 dev %s"
                .formatted(namespace, host.place().addressForUs(), Host.LINK_TO_TEST));
        Programs.run("ip -n %s link set lo up".formatted(namespace));
        Programs.run("ip -n %s link set %s up".formatted(namespace, Host.LINK_TO_TEST));
        bringUp(host);
    }

    /** The routes of a link that is taken down are gone. */
    private void bringUp(Host host) {
        Programs.run("ip -n %s link set %s up".formatted(router, host.name()));
        Programs.run("ip -n %s link set %s up".formatted(host.namespace(), Host.LINK));
        Programs.run(
                "ip -n %s route replace default via %s dev %s".formatted(host.namespace(), host.router(), Host.LINK));
    }

    private void block(String what) {
        blocked.add(what);
        Programs.run(rule("add", what));
    }

    private String rule(String does, String what) {
        return "ip -n %s rule %s %s blackhole".formatted(router, does, what);
    }

    /** At most 15 letters. */
    private static String linkToTest(Host host) {
        return "ob" + ProcessHandle.current().pid() + "-" + host.number();
    }

    private String toTest(int number, int end) {
        return "198.18." + part + "." + (4 * number + end);
    }

    /** Of the addresses for tests of networks (RFC 2544), a part that nobody on this machine has. */
    private static int unusedPart() {
        String used = Programs.run("ip -o -4 addr");
        int first = (int) (ProcessHandle.current().pid() % 256);
        return IntStream.range(0, 256)
                .map(i -> (first + i) % 256)
                .filter(part -> !used.contains(" 198.18." + part + "."))
                .findFirst()
                .orElseThrow();
    }
}
