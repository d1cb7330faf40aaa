package dev.outbox.bench;

import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;

/** PATCH /orders/update over 64 kept-alive connections, each change of another order, durable with its event. */
final class PatchScenario implements Bench.Scenario {

    private static final int CONNECTIONS = 64;
    private static final int REQUESTS = 40_000;
    private static final int RUNS = 5;

    private final AtomicInteger order = new AtomicInteger();

    @Override
    public void run() throws Exception {
        double[] rates = new double[RUNS];
        try (Service.Elsewhere service = Service.Elsewhere.start().awaitReady()) {
            HttpClient client = HttpClient.create(ConnectionProvider.create("bench", CONNECTIONS))
                    .host("localhost")
                    .port(service.port())
                    .headers(headers -> headers.add("Content-Type", "application/json"));
            for (int i = -2; i < RUNS; i++) {
                long[] waits = new long[REQUESTS];
                AtomicInteger count = new AtomicInteger();
                AtomicLong failures = new AtomicLong();
                long began = System.nanoTime();
                Flux.range(0, CONNECTIONS)
                        .flatMap(connection -> loop(client, waits, count, failures), CONNECTIONS)
                        .blockLast();
                double rate = REQUESTS / ((System.nanoTime() - began) / 1e9);
                System.out.printf("PATCH/s %,.0f, %s, failures %d%n", rate, Figures.percentiles(waits), failures.get());
                if (i >= 0) {
                    rates[i] = rate;
                }
            }
        }
        System.out.println("PATCH /orders/update, " + CONNECTIONS + " connections, requests/s: " + Figures.spread(rates));
        Arrays.sort(rates);
    }

    private Mono<Void> loop(HttpClient client, long[] waits, AtomicInteger count, AtomicLong failures) {
        return Mono.defer(() -> patch(client, waits, count.getAndIncrement(), failures))
                .repeat(() -> count.get() < waits.length)
                .then();
    }

    private Mono<Void> patch(HttpClient client, long[] waits, int index, AtomicLong failures) {
        if (index >= waits.length) {
            return Mono.empty();
        }
        int id = order.incrementAndGet() % 300_000 + 1;
        String body = "{\"id\":" + id + ",\"status\":\"" + (id % 10 == 0 ? "created" : "backorder") + "\"}";
        long began = System.nanoTime();
        return client.patch()
                .uri("/orders/update")
                .send(Mono.fromSupplier(() -> Unpooled.copiedBuffer(body, StandardCharsets.UTF_8)))
                .responseSingle((response, content) -> content.asString().map(text -> {
                    if (response.status().code() != 200) {
                        failures.incrementAndGet();
                    }
                    return text;
                }))
                .doOnSuccess(text -> waits[index] = System.nanoTime() - began)
                .then();
    }
}
