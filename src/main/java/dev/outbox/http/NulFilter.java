package dev.outbox.http;

import dev.outbox.problems.Problem;
import java.net.URI;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** Refuses a path or query with a NUL in it: no text of PostgreSQL can hold one, so nothing here has such a name. */
@Component
final class NulFilter implements WebFilter {

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        URI uri = exchange.getRequest().getURI();
        if (hasNul(uri.getRawPath())) {
            return Mono.error(Problem.invalidParameter("path", "The path has a NUL (%00) in it; leave it out."));
        }
        return hasNul(uri.getRawQuery())
                ? Mono.error(Problem.invalidParameter("query", "The query has a NUL (%00) in it; leave it out."))
                : chain.filter(exchange);
    }

    private static boolean hasNul(@Nullable String encoded) {
        return encoded != null && encoded.contains("%00");
    }
}
