package dev.outbox.http;

import dev.outbox.problems.Problem;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DataBufferLimitException;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.BodyExtractors;
import org.springframework.web.reactive.function.server.ServerRequest;
import reactor.core.publisher.Mono;

/** Reads what clients send. */
public final class RequestBody {

    private static final int MOST_BYTES = 1 << 20;

    private RequestBody() {}

    /** The whole body; without bytes if there is none. */
    public static Mono<ByteBuffer> read(ServerRequest request) {
        if (request.headers().contentLength().orElse(0) > MOST_BYTES) {
            return Mono.error(tooLarge());
        }
        return DataBufferUtils.join(request.body(BodyExtractors.toDataBuffers()), MOST_BYTES)
                .map(joined -> ByteBuffer.wrap(bytes(joined)))
                .defaultIfEmpty(ByteBuffer.allocate(0))
                .onErrorMap(DataBufferLimitException.class, tooLong -> tooLarge());
    }

    /** Refuses a body of another media type. */
    public static void require(ServerRequest request, MediaType... types) {
        MediaType given = contentType(request);
        for (MediaType type : types) {
            if (given != null && type.equalsTypeAndSubtype(given)) {
                return;
            }
        }
        String accepted = MediaType.toString(List.of(types));
        Problem problem = Problem.of(
                        HttpStatus.UNSUPPORTED_MEDIA_TYPE,
                        "unsupported-media-type",
                        "Unsupported media type",
                        "The header Content-Type must be " + accepted.replace(", ", " or ") + ".")
                .header(HttpHeaders.ACCEPT, accepted);
        throw request.method().equals(HttpMethod.PATCH) ? problem.header(HttpHeaders.ACCEPT_PATCH, accepted) : problem;
    }

    public static byte[] bytes(DataBuffer buffer) {
        byte[] bytes = new byte[buffer.readableByteCount()];
        buffer.read(bytes);
        DataBufferUtils.release(buffer);
        return bytes;
    }

    private static @Nullable MediaType contentType(ServerRequest request) {
        try {
            return request.headers().contentType().orElse(null);
        } catch (InvalidMediaTypeException e) {
            return null;
        }
    }

    private static Problem tooLarge() {
        return Problem.of(
                HttpStatus.CONTENT_TOO_LARGE,
                "body-too-large",
                "Body too large",
                "The body must have at most " + MOST_BYTES + " bytes.");
    }
}
