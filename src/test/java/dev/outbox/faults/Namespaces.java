package dev.outbox.faults;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Network namespaces by the name of the process that made them, so that those of a killed one are found and removed, and no others. */
final class Namespaces {

    private static final String PREFIX = "outbox-hosts-";
    private static final Pattern OURS = Pattern.compile(PREFIX + "(\\d+)-[a-z0-9]+");

    private Namespaces() {}

    /** Why none can be made here; empty if they can. */
    static Optional<String> obstacle() {
        if (Programs.tryTo("ip", "-V").exit() != 0 || Programs.tryTo("tc", "-V").exit() != 0) {
            return Optional.of("there are no programs ip and tc (Debian's package iproute2)");
        }
        String probe = name("probe");
        Programs.Result made = Programs.tryTo("ip", "netns", "add", probe);
        boolean links = made.exit() == 0
                && Programs.tryTo("ip", "-n", probe, "link", "add", "one", "type", "veth", "peer", "name", "two")
                                .exit()
                        == 0;
        remove(probe);
        return links
                ? Optional.empty()
                : Optional.of(("no right to make network namespaces and links " + made.output()).trim());
    }

    /** In the name of this process. */
    static String name(String host) {
        return name(ProcessHandle.current().pid(), host);
    }

    static String name(long process, String host) {
        return PREFIX + process + "-" + host;
    }

    /** Removes what processes that are no more have left, with all that runs in it. */
    static void removeLeftOvers() {
        all().stream().filter(Namespaces::isLeftOver).forEach(Namespaces::remove);
    }

    /** Removes all of this process, with all that runs in them. */
    static void removeOwn() {
        all().stream().filter(name -> name.startsWith(name(""))).forEach(Namespaces::remove);
    }

    /** Its links go with it, but the kernel takes its time for that: the one that others would run into goes first. */
    static void remove(String name) {
        Servers.waitFor(() -> killAll(name), Duration.ofSeconds(10));
        Programs.tryTo("ip", "-n", name, "link", "del", Host.LINK_TO_TEST);
        Programs.tryTo("ip", "netns", "del", name);
    }

    static List<String> all() {
        return Programs.tryTo("ip", "netns", "list")
                .output()
                .lines()
                .map(line -> line.split(" ", -1)[0])
                .toList();
    }

    private static boolean isLeftOver(String name) {
        Matcher ours = OURS.matcher(name);
        return ours.matches() && ProcessHandle.of(Long.parseLong(ours.group(1))).isEmpty();
    }

    /** Whether nothing ran there any more. */
    private static boolean killAll(String name) {
        Programs.Result running = Programs.tryTo("ip", "netns", "pids", name);
        if (running.exit() != 0 || running.output().isEmpty()) {
            return true;
        }
        Arrays.stream(running.output().split("\\s+", -1))
                .mapToLong(Long::parseLong)
                .mapToObj(ProcessHandle::of)
                .flatMap(Optional::stream)
                .forEach(ProcessHandle::destroyForcibly);
        return false;
    }
}
