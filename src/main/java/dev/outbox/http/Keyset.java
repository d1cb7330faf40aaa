package dev.outbox.http;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.util.MultiValueMap;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import org.springframework.web.util.UriComponentsBuilder;
import org.springframework.web.util.UriUtils;
import reactor.core.publisher.Mono;

/**
 * Which part of a list that is ordered by id is asked for: at most {@code limit} rows with ids above {@code after}.
 *
 * @param limit 1 to 1000
 */
public record Keyset(long after, int limit) {

    private static final int DEFAULT = 50;
    private static final int MOST = 1000;

    /** From the query parameters {@code after} and {@code limit}. */
    public static Keyset of(Parameters parameters) {
        Long after = parameters.number("after", 0, Long.MAX_VALUE);
        Long limit = parameters.number("limit", 1, MOST);
        return new Keyset(after == null ? 0 : after, limit == null ? DEFAULT : limit.intValue());
    }

    /** How many rows to read, so that it is known whether more follow. */
    public int oneMore() {
        return limit + 1;
    }

    /**
     * Answers a JSON array, with a {@code Link} to the next page if there is one.
     *
     * @param rows at most {@link #oneMore()}
     */
    public <T> Mono<ServerResponse> answer(ServerRequest request, List<T> rows, ToLongFunction<T> id) {
        boolean more = rows.size() > limit;
        return answer(request, more ? rows.subList(0, limit) : rows, more, id);
    }

    /** The same for a page that may have ended before its limit, as large rows make it. */
    public static <T> Mono<ServerResponse> answer(
            ServerRequest request, List<T> page, boolean more, ToLongFunction<T> id) {
        ServerResponse.BodyBuilder answer = ServerResponse.ok().varyBy(HttpHeaders.ACCEPT);
        return more
                ? answer.header(HttpHeaders.LINK, next(request, id.applyAsLong(page.get(page.size() - 1))))
                        .bodyValue(page)
                : answer.bodyValue(page);
    }

    /**
     * Relative to the host, which behind a proxy is not known here. Written anew from the decoded names, as one may have been
     * {@code %61fter}.
     */
    private static String next(ServerRequest request, long last) {
        MultiValueMap<String, String> query = new LinkedMultiValueMap<>(request.queryParams());
        query.set("after", Long.toString(last));
        UriComponentsBuilder target =
                UriComponentsBuilder.fromPath(request.uri().getRawPath());
        query.forEach((name, values) -> target.queryParam(name, encoded(values.get(0))));
        return "<" + target.build(true).toUriString() + ">; rel=\"next\"";
    }

    /** {@code ?name} without a value comes as null. */
    private static @Nullable String encoded(@Nullable String value) {
        return value == null ? null : UriUtils.encode(value, StandardCharsets.UTF_8);
    }
}
