package dev.outbox.faults;

import dev.outbox.JavaProcess;
import dev.outbox.Place;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** A {@link Sink} in its process: tells it how to behave, and reads its file. */
final class SinkProcess implements AutoCloseable {

    private final JavaProcess process;
    private final Path path;
    private final Place place;
    private final int port;
    private final int control;
    private final HttpClient http = HttpClient.newHttpClient();
    private final List<Delivery> all = new ArrayList<>();
    private final Set<Long> accepted = new HashSet<>();
    private long read;
    private long highest;

    SinkProcess(Path path, Place place) throws Exception {
        this.path = path;
        this.place = place;
        String listens = place.equals(Place.HERE) ? place.address() : "0.0.0.0"; // on a host for the test as well
        process = new JavaProcess(place, Sink.class, List.of("-Xmx256m"), Map.of(), path.toString(), listens);
        Pattern started = Pattern.compile("sink (\\d+ control \\d+)");
        String[] ports = process.await(started, Duration.ofSeconds(30)).split(" control ", -1);
        port = Integer.parseInt(ports[0]);
        control = Integer.parseInt(ports[1]);
    }

    /** For services, wherever they are. */
    String url() {
        return "http://" + place.address() + ":" + port + "/deliver";
    }

    void is(Sink.Mode mode) throws Exception {
        tell("mode/" + mode);
    }

    void poison(int permille) throws Exception {
        tell("poison/" + permille);
    }

    /** Everything in the file so far, in order. */
    synchronized List<Delivery> deliveries() {
        readOn();
        return List.copyOf(all);
    }

    /** What was written down from an instant on, in order. */
    synchronized List<Delivery> since(long micros) {
        readOn();
        int first = all.size();
        while (first > 0 && all.get(first - 1).micros() >= micros) {
            first--;
        }
        return List.copyOf(all.subList(first, all.size()));
    }

    /** The process of the last delivery that was taken. */
    synchronized long lastProcess() {
        readOn();
        for (int i = all.size() - 1; i >= 0; i--) {
            if (all.get(i).accepted()) {
                return all.get(i).process();
            }
        }
        throw new IllegalStateException("No delivery yet");
    }

    /** The highest id of the events that it has taken. */
    synchronized long highest() {
        readOn();
        return highest;
    }

    /** How many different events it has taken. */
    synchronized int accepted() {
        readOn();
        return accepted.size();
    }

    @Override
    public void close() throws InterruptedException {
        process.close();
    }

    private void tell(String what) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://" + place.addressForUs() + ":" + control + "/" + what))
                .POST(HttpRequest.BodyPublishers.noBody())
                .timeout(Duration.ofSeconds(30))
                .build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(what + ": " + answer.statusCode() + "\n" + process.output());
        }
    }

    /** Reads whole lines only: the last one may be half written. */
    private void readOn() {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            byte[] bytes = new byte[Math.toIntExact(file.length() - read)];
            file.seek(read);
            file.readFully(bytes);
            int end = bytes.length;
            while (end > 0 && bytes[end - 1] != '\n') {
                end--;
            }
            new String(bytes, 0, end, StandardCharsets.UTF_8)
                    .lines()
                    .map(Delivery::of)
                    .forEach(this::add);
            read += end;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void add(Delivery delivery) {
        all.add(delivery);
        if (delivery.accepted()) {
            accepted.add(delivery.id());
            highest = Math.max(highest, delivery.id());
        }
    }
}
