package dev.outbox.faults;

import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;

/**
 * A process that takes deliveries over HTTP and appends each to a file. It says yes only when the line is on the disk. A second port
 * tells it to answer errors, to answer nothing, to reset, to refuse, or to have some keys poisoned, which it never takes.
 *
 * <p>Lines are synced in groups: all that wait while the last group is being synced make the next.
 */
final class Sink {

    /** What becomes of a delivery. */
    enum Mode {
        TAKES,
        /** Status 500. */
        FAILS,
        /** No answer at all. */
        HANGS,
        /** RST in place of an answer. */
        RESETS,
        /** Nobody listens on the port. */
        REFUSES
    }

    private static final int GROUP = 2_000;

    private record Waiting(String line, CompletableFuture<Void> synced) {}

    private final FileChannel file;
    private final BlockingQueue<Waiting> queue = new LinkedBlockingQueue<>();
    private final Map<Long, Integer> attempts = new ConcurrentHashMap<>();
    private volatile Mode mode = Mode.TAKES;
    private volatile int poisonedPermille;
    private final String address;
    private DisposableServer deliveries;

    private Sink(Path path, String address) throws IOException {
        this.address = address;
        file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    /** Arguments: the file, and the address to listen on. Prints its two ports. */
    public static void main(String[] arguments) throws Exception {
        Sink sink = new Sink(Path.of(arguments[0]), arguments[1]);
        Thread writer = new Thread(sink::sync, "sync");
        writer.start();
        sink.deliveries = sink.listen(0);
        DisposableServer control = HttpServer.create()
                .host(sink.address)
                .port(0)
                .route(routes -> routes.post("/{what}/{value}", sink::control))
                .bindNow();
        System.out.println("sink " + sink.deliveries.port() + " control " + control.port());
        new CountDownLatch(1).await();
    }

    /** Whether a sink with that share of poisoned keys takes deliveries of this one. */
    static boolean isPoisoned(String key, int permille) {
        return Math.floorMod(key.hashCode() * 31, 1_000) < permille;
    }

    private DisposableServer listen(int port) {
        return HttpServer.create()
                .host(address)
                .port(port)
                .option(ChannelOption.SO_REUSEADDR, true)
                .route(routes -> routes.post("/deliver", this::deliver))
                .bindNow(Duration.ofSeconds(20));
    }

    private Publisher<Void> control(HttpServerRequest request, HttpServerResponse response) {
        String value = request.param("value");
        return Mono.fromRunnable(() -> set(request.param("what"), value))
                .subscribeOn(reactor.core.scheduler.Schedulers.boundedElastic())
                .then(response.sendString(Mono.just("done")).then());
    }

    private synchronized void set(String what, String value) {
        if (what.equals("poison")) {
            poisonedPermille = Integer.parseInt(value);
            return;
        }
        Mode next = Mode.valueOf(value);
        int port = deliveries.port();
        if (next == Mode.REFUSES && mode != Mode.REFUSES) {
            deliveries.disposeNow(Duration.ofMillis(500));
        }
        if (next != Mode.REFUSES && mode == Mode.REFUSES) {
            deliveries = listen(port);
        }
        mode = next;
    }

    private Publisher<Void> deliver(HttpServerRequest request, HttpServerResponse response) {
        return request.receive().aggregate().asString().flatMap(body -> Mono.from(answer(request, response, body)));
    }

    private Publisher<Void> answer(HttpServerRequest request, HttpServerResponse response, String body) {
        String[] words = body.split(" ", -1);
        long id = Long.parseLong(words[0]);
        int attempt = attempts.merge(id, 1, Integer::sum);
        Mode now = mode;
        boolean takes = now == Mode.TAKES && !isPoisoned(words[1], poisonedPermille);
        long micros = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        Delivery delivery = new Delivery(takes, id, words[1], attempt, Long.parseLong(words[2]), micros);
        CompletableFuture<Void> synced = new CompletableFuture<>();
        queue.add(new Waiting(delivery.line() + "\n", synced));
        return switch (now) {
            case HANGS -> Mono.never();
            case RESETS -> reset(request);
            default ->
                Mono.fromFuture(synced)
                        .then(Mono.from(response.status(takes ? 204 : 500).send()));
        };
    }

    @SuppressWarnings("FutureReturnValueIgnored") // it is gone either way
    private static Mono<Void> reset(HttpServerRequest request) {
        request.withConnection(connection -> {
            connection.channel().config().setOption(ChannelOption.SO_LINGER, 0);
            connection.channel().close();
        });
        return Mono.never();
    }

    private void sync() {
        List<Waiting> group = new ArrayList<>();
        try {
            while (true) {
                group.add(queue.take());
                queue.drainTo(group, GROUP);
                StringBuilder lines = new StringBuilder();
                group.forEach(waiting -> lines.append(waiting.line()));
                file.write(ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.UTF_8)));
                file.force(false);
                group.forEach(waiting -> waiting.synced().complete(null));
                group.clear();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
