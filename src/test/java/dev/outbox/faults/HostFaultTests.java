package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.database.TestServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.util.FileSystemUtils;

/** Three services, their database and the sink are on {@link Hosts hosts} of their own, and the network between these fails. */
@ExtendWith(Findings.class)
@Timeout(3_600)
class HostFaultTests {

    private static final int ORDER = 23;

    private static Path files;
    private static TestServer server;
    private static Hosts hosts;

    @TempDir
    Path directory;

    /**
     * What happens to the same services one after the other.
     *
     * @param rounds how often each does
     */
    private record Scenario(int order, String name, List<HostFault> faults, int rounds) {

        @Override
        public String toString() {
            return name;
        }
    }

    /** In the short lane all faults to the same services, since their start takes most of the time; else each to some of its own. */
    static List<Scenario> scenarios() {
        List<HostFault> all = Arrays.stream(HostFault.values())
                .filter(fault -> fault.name().matches(System.getProperty("faults.hosts", ".*")))
                .toList();
        return Lane.isLong()
                ? all.stream()
                        .map(fault -> new Scenario(fault.order, fault.title, List.of(fault), fault.times))
                        .toList()
                : List.of(new Scenario(ORDER, "hosts: each fault in turn", all, Lane.times(1, 0)));
    }

    @BeforeAll
    static void makeHosts() throws Exception {
        Optional<String> obstacle = Namespaces.obstacle();
        if (obstacle.isPresent()) {
            Findings.add(Finding.skipped(ORDER, "hosts", obstacle.get()));
            Assumptions.abort(obstacle.get());
        }
        Servers.shared(); // the first server of a JVM brings the programs for all
        files = Files.createTempDirectory("outbox-hosts");
        server = Servers.make(files.resolve("server"));
        hosts = new Hosts();
        server.moveTo(hosts.database().place(), hosts.networks());
        Servers.awaitAnswer(server.database("postgres"), Rig.SOON);
    }

    @AfterAll
    static void removeHosts() throws Exception {
        if (hosts != null) {
            server.close();
            hosts.close();
            FileSystemUtils.deleteRecursively(files);
        }
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void hostsFailAndTheNetworkBetweenThem(Scenario scenario) throws Exception {
        List<HostFault> faults =
                scenario.faults().stream().filter(this::isPossible).toList();
        Assumptions.assumeFalse(faults.isEmpty(), "it is not possible here");
        try (Rig rig = rig(scenario.order(), scenario.name())) {
            Path clocks = faults.contains(HostFault.CLOCKS_APART) ? directory : null;
            ServicesOnHosts services = new ServicesOnHosts(rig, hosts, Map.of(), clocks);
            for (int i = 0; i < scenario.rounds(); i++) {
                for (HostFault fault : faults) {
                    services.suffer(fault);
                }
            }
            services.requireForgotten();
            rig.requireAtLeast(services.takeovers() + 1, Course.CLAIMS);
            rig.requireAtLeast(faults.contains(HostFault.NOT_THE_SINK) ? 1 : 0, Course.CIRCUITS);
            boolean takenOver = faults.stream().allMatch(HostFault::cutsOff);
            rig.settle(takenOver ? "ms until another one delivers" : "ms until it goes on");
        } finally {
            hosts.heal();
        }
    }

    private boolean isPossible(HostFault fault) {
        Optional<String> obstacle = ServicesOnHosts.obstacle(fault, hosts, directory);
        obstacle.ifPresent(why -> Findings.add(Finding.skipped(fault.order, fault.title, why)));
        return obstacle.isEmpty();
    }

    /** If nothing were lost, the network had not been cut, or nobody looked. */
    @Test
    void aHandlerThatDoesNotCareWhetherTheSinkIsReachedIsFoundOut() throws Exception {
        try (Rig rig = rig(0, "hosts: the database, not the sink, a careless handler")) {
            ServicesOnHosts services = new ServicesOnHosts(rig, hosts, Map.of(TestedApplication.CARELESS, "yes"), null);
            hosts.separate(services.hostOf(rig.deliverer()), hosts.sink());
            rig.pause(4_000, 4_001);
            hosts.heal();
            rig.awaitNews(process -> true, Rig.SOON);
            rig.writers().stop();
            Settlement settlement = new Settlement(rig, rig.writers());
            settlement.await(Duration.ofSeconds(5));
            assertThat(settlement.histories().verdict().lost()).isNotEmpty();
        } finally {
            hosts.heal();
        }
    }

    private static Rig rig(int order, String scenario) throws Exception {
        return new Rig(order, scenario, server, "", hosts.sink().place());
    }
}
