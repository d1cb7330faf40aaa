package dev.outbox.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.Place;
import dev.outbox.Service;
import dev.outbox.TestDatabase;
import dev.outbox.database.TestServer;
import dev.outbox.relay.Writers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongPredicate;
import java.util.stream.Collectors;
import org.springframework.util.FileSystemUtils;

/**
 * What a scenario works with: a database, a sink, services and writers; what it injected and when; and the settlement at the end, which
 * joins the histories, checks the effects, and adds a {@link Finding}.
 */
final class Rig implements AutoCloseable {

    static final Duration SOON = Duration.ofSeconds(60);

    /** For what gathers in the long lane: a million events, or those of half an hour in which nothing goes through. */
    static final Duration BACKLOG_WITHIN = Duration.ofMinutes(30);

    /** What a service can have in flight: its room, and the page that is on the way. */
    private static final int IN_HAND = 2_000;

    private static final int UNBOUND = Integer.MAX_VALUE;

    final String scenario;
    final Random dice;
    final TestServer server;
    final TestDatabase database;
    final SinkProcess sink;
    final List<Service> services = new ArrayList<>();
    private final List<Service> started = new ArrayList<>();
    final List<Long> times = new ArrayList<>();
    final List<String> wrong = new ArrayList<>();
    private final int order;
    private final Path directory;
    private final List<Injection> injections = new ArrayList<>();
    private final List<SinkProcess> others = new ArrayList<>();
    private final Map<String, Long> least = new TreeMap<>();
    private Writers writers;

    /**
     * @param micros when, by the clock of this machine
     * @param bound how many deliveries may come again after it; none if nothing is promised
     */
    private record Injection(long micros, int bound) {}

    Rig(int order, String scenario) throws Exception {
        this(order, scenario, Servers.shared(), "");
    }

    Rig(int order, String scenario, TestServer server, String databaseOptions) throws Exception {
        this(order, scenario, server, databaseOptions, Place.HERE);
    }

    /** With its sink somewhere else. */
    Rig(int order, String scenario, TestServer server, String databaseOptions, Place sinkPlace) throws Exception {
        System.out.printf("fault: %s, seed %d, begins%n", scenario, Lane.SEED);
        this.order = order;
        this.scenario = scenario;
        this.dice = Lane.dice(scenario);
        this.server = server;
        this.database = Servers.fresh(server, databaseOptions);
        this.directory = Files.createTempDirectory("outbox-fault");
        this.sink = new SinkProcess(directory.resolve("sink"), sinkPlace);
    }

    /** A sink more, for a service that is told of it; the settlement does not look at it. */
    SinkProcess anotherSink() throws Exception {
        SinkProcess another = new SinkProcess(directory.resolve("sink-" + others.size()), Place.HERE);
        others.add(another);
        return another;
    }

    Service start() throws IOException {
        return start(Map.of());
    }

    /** Does not wait until it answers. */
    Service start(Map<String, String> settings) throws IOException {
        return start(database, List.of("-Xmx256m"), settings);
    }

    /** Does not wait until it answers. */
    Service start(TestDatabase behind, List<String> options, Map<String, String> settings) throws IOException {
        return start(Place.HERE, behind, options, settings);
    }

    /** Does not wait until it answers. */
    Service start(Place place, TestDatabase behind, List<String> options, Map<String, String> settings)
            throws IOException {
        Map<String, String> all = new HashMap<>(
                Map.of(TestedApplication.SINK, sink.url(), "LOGGING_LEVEL_DEV_OUTBOX_SHOP_NOTIFICATIONS", "warn"));
        all.putAll(settings);
        List<String> flags = new ArrayList<>(Servers.archive().options());
        flags.addAll(options);
        Service service = new Service(place, TestedApplication.class, behind, flags, all);
        services.add(service);
        started.add(service);
        return service;
    }

    Writers write() throws Exception {
        return write(database, 3, 25);
    }

    Writers write(TestDatabase through, int count, int pauseUpToMillis) throws Exception {
        return write(through, count, pauseUpToMillis, SOON);
    }

    /** Begins to write, and waits until what is written is delivered. */
    Writers write(TestDatabase through, int count, int pauseUpToMillis, Duration within) throws Exception {
        writers = new Writers(through, count, pauseUpToMillis, dice.nextLong(), Servers.ORDERS);
        if (!services.isEmpty()) {
            awaitNews(ignored -> true, within);
        }
        return writers;
    }

    Writers writers() {
        return writers;
    }

    /** Notes that a fault is injected now. */
    void inject() {
        injections.add(new Injection(micros(), UNBOUND));
    }

    /**
     * Notes that an instance is killed now: what it had in flight may come again, and what it did since its last checkpoint, which is
     * stored every 200 ms if the machine has the time: a second is granted.
     */
    void injectKill() {
        long now = micros();
        long recent =
                sink.since(now - 1_000_000).stream().filter(Delivery::accepted).count();
        injections.add(new Injection(now, (int) recent + IN_HAND));
    }

    /** Notes that something is done after which nothing may come again. */
    void injectHarmless() {
        injections.add(new Injection(micros(), 0));
    }

    /** The service that the sink heard last. */
    Service deliverer() {
        long process = sink.lastProcess();
        return services.stream()
                .filter(service -> service.pid() == process)
                .findFirst()
                .orElseThrow();
    }

    void kill(Service service) throws InterruptedException {
        service.kill();
        services.remove(service);
    }

    /**
     * Waits for the first delivery of an event that is written from now on.
     *
     * @param by which process
     * @return how many milliseconds it took until then
     */
    long awaitNews(LongPredicate by, Duration atMost) {
        return awaitNews(database.number("select coalesce(max(id), 0) from faults_event"), micros(), by, atMost);
    }

    /** The same from an instant and an event on that were noted before. */
    long awaitNews(long afterEvent, long since, LongPredicate by, Duration atMost) {
        long[] found = new long[1];
        Servers.await(
                () -> {
                    found[0] = firstNews(afterEvent, since, by);
                    return found[0] > 0;
                },
                atMost,
                () -> "a delivery in " + scenario + "\n" + outputs());
        return (found[0] - since) / 1_000;
    }

    /** Waits until something is delivered that never was before, be it old. */
    long awaitProgress(Duration atMost) {
        long since = micros();
        return awaitNews(sink.highest(), since, process -> true, atMost);
    }

    private long firstNews(long afterEvent, long since, LongPredicate by) {
        if (sink.highest() <= afterEvent) {
            return 0; // not worth a look at each of a long backlog
        }
        return sink.since(since).stream()
                .filter(delivery -> delivery.accepted() && delivery.id() > afterEvent && by.test(delivery.process()))
                .mapToLong(Delivery::micros)
                .min()
                .orElse(0);
    }

    /** Waits until little is left to deliver, so that what is measured from now on is not what came before. */
    void awaitCaughtUp() {
        awaitCaughtUp(sink);
    }

    /** The same while nobody writes: a machine on which the sink is no quicker than the writers would never get there. */
    void catchUp() {
        writers.hold(true);
        awaitCaughtUp();
        writers.hold(false);
    }

    /** The same at a sink that is not the scenario's own. */
    void awaitCaughtUp(SinkProcess at) {
        Servers.await(
                () -> at.highest() >= lastEvent() - 50,
                SOON,
                () -> "the end of the backlog in " + scenario + "\n" + outputs());
    }

    /** The highest id in the log. */
    long lastEvent() {
        return database.number("select coalesce(max(id), 0) from faults_event");
    }

    void require(boolean holds, String what) {
        if (!holds) {
            wrong.add(what);
        }
    }

    /** What the scenario must have gone through at its end, so many times, or it shows nothing. */
    void requireAtLeast(long count, String what) {
        least.put(what, count);
    }

    void pause(int fromMillis, int toMillis) {
        int millis = fromMillis + dice.nextInt(Math.max(1, toMillis - fromMillis));
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }

    /** The longest time without a delivery since an instant, in ms. */
    long longestGap(long since) {
        long last = since;
        long longest = 0;
        for (Delivery delivery : sink.since(since)) {
            longest = Math.max(longest, delivery.micros() - last);
            last = delivery.micros();
        }
        return Math.max(longest, micros() - last) / 1_000;
    }

    static long micros() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }

    void settle(String found) throws Exception {
        settle(found, SOON);
    }

    /** Stops the writers, lets everything be delivered, compares, and fails if something does not hold. */
    void settle(String found, Duration within) throws Exception {
        writers.stop();
        Settlement settlement = new Settlement(this, writers);
        settlement.await(within);
        Histories histories = settlement.histories();
        Histories.Verdict verdict = histories.verdict();
        wrong.addAll(settlement.faults(verdict));
        Course course = Course.of(database, started);
        least.forEach((what, count) -> require(
                course.count(what) >= count,
                "only %d %s, where %d are due".formatted(course.count(what), what, count)));
        int most = mostRepeats(verdict.repeats());
        Finding finding = new Finding(
                order,
                scenario,
                "",
                injections.size(),
                histories.count(Writers.Outcome.COMMITTED),
                histories.count(Writers.Outcome.UNKNOWN),
                histories.count(Writers.Outcome.FAILED),
                (int) histories.deliveries().stream().filter(Delivery::accepted).count(),
                verdict.lostCount(),
                verdict.swapped().size(),
                most,
                injections.stream().mapToInt(Injection::bound).max().orElse(0),
                times,
                found + "; went through " + course,
                List.copyOf(wrong));
        Findings.add(finding);
        if (!wrong.isEmpty()) {
            System.out.println(outputs());
        }
        assertThat(wrong).as(finding.line()).isEmpty();
    }

    /** Repeats are put down to the last injection before them; the first one answers for what came before it too. */
    private int mostRepeats(List<Delivery> repeats) {
        int most = 0;
        for (int i = 0; i < injections.size(); i++) {
            long from = i == 0 ? 0 : injections.get(i).micros();
            long to = i + 1 < injections.size() ? injections.get(i + 1).micros() : Long.MAX_VALUE;
            List<Delivery> after = repeats.stream()
                    .filter(repeat -> repeat.micros() >= from && repeat.micros() < to)
                    .toList();
            require(
                    after.size() <= injections.get(i).bound(),
                    "%d repeats after the injection at %d, such as %s"
                            .formatted(after.size(), injections.get(i).micros(), timesOf(after)));
            most = Math.max(most, after.size());
        }
        return most;
    }

    /** All deliveries of the first few. */
    private List<String> timesOf(List<Delivery> repeats) {
        Set<Long> few = repeats.stream().limit(3).map(Delivery::id).collect(Collectors.toSet());
        return sink.deliveries().stream()
                .filter(delivery -> few.contains(delivery.id()))
                .map(Delivery::line)
                .toList();
    }

    private String outputs() {
        StringBuilder outputs = new StringBuilder();
        for (Service service : started) {
            String output = service.output();
            outputs.append("--- service ").append(service.pid()).append('\n');
            outputs.append(output.substring(Math.max(0, output.length() - 6_000)))
                    .append('\n');
        }
        return outputs.toString();
    }

    @Override
    public void close() throws Exception {
        if (writers != null) {
            writers.close();
        }
        for (Service service : services) {
            service.thaw();
            service.close();
        }
        sink.close();
        for (SinkProcess another : others) {
            another.close();
        }
        FileSystemUtils.deleteRecursively(directory);
        if (Servers.answers(database)) {
            Servers.drop(server, database);
        }
    }
}
