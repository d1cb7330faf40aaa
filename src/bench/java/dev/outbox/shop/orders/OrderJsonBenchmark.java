package dev.outbox.shop.orders;

import dev.outbox.http.JsonFields;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.springframework.core.ResolvableType;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DefaultDataBufferFactory;
import org.springframework.http.MediaType;
import org.springframework.http.codec.json.JacksonJsonEncoder;

/** The JSON of a PATCH: its body read, its answer written as WebFlux writes it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class OrderJsonBenchmark {

    private static final ResolvableType TYPE = ResolvableType.forClass(Order.class);

    private final byte[] body = "{\"id\":123456,\"status\":\"shipped\"}".getBytes(StandardCharsets.UTF_8);
    private final Order order = new Order(
            123_456,
            789,
            OrderStatus.SHIPPED,
            2,
            Instant.parse("2026-01-31T12:00:00.123456Z"),
            Instant.parse("2026-02-01T08:30:00.654321Z"));
    private final JacksonJsonEncoder encoder = new JacksonJsonEncoder();

    @Benchmark
    public Object read() {
        JsonFields fields = JsonFields.of(ByteBuffer.wrap(body), "id", "status");
        return new StatusChange(fields.number("id"), OrderStatus.of(fields, "status"), Versions.ANY);
    }

    @Benchmark
    public DataBuffer write() {
        return encoder.encodeValue(
                order, DefaultDataBufferFactory.sharedInstance, TYPE, MediaType.APPLICATION_JSON, Map.of());
    }
}
