package dev.outbox.shop.orders;

import java.io.ByteArrayOutputStream;
import java.util.List;
import org.springframework.http.ReactiveHttpOutputMessage;
import org.springframework.web.reactive.function.BodyInserter;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/** Writes application/x-ndjson: one JSON value a line, and what belongs together in one buffer, which is sent at once. */
final class JsonLines {

    private static final ObjectWriter JSON = JsonMapper.shared().writer();

    private JsonLines() {}

    /** Writes group by group; the next one is asked for when the network has taken what it can. */
    static BodyInserter<Void, ReactiveHttpOutputMessage> of(Flux<? extends List<?>> groups) {
        return (message, context) -> message.writeAndFlushWith(
                groups.map(group -> Mono.just(message.bufferFactory().wrap(bytes(group)))));
    }

    private static byte[] bytes(List<?> group) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(128 * group.size());
        for (Object value : group) {
            bytes.writeBytes(JSON.writeValueAsBytes(value));
            bytes.write('\n');
        }
        return bytes.toByteArray();
    }
}
