package dev.outbox.relay;

import dev.outbox.OutboxApplication;
import dev.outbox.TestDatabase;
import dev.outbox.handler.Handler;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.PoolMetrics;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/** The whole application in this process, with one handler more. */
final class TestApplication implements AutoCloseable {

    private final ConfigurableApplicationContext context;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    TestApplication(TestDatabase database, Handler handler) {
        context = new SpringApplicationBuilder(OutboxApplication.class)
                .initializers(made -> ((GenericApplicationContext) made).registerBean(Handler.class, () -> handler))
                .run(
                        "--server.port=0",
                        "--spring.r2dbc.url=" + database.r2dbcUrl(),
                        "--spring.r2dbc.username=" + TestDatabase.USER,
                        "--spring.r2dbc.password=" + TestDatabase.PASSWORD,
                        "--spring.liquibase.contexts=demo");
    }

    Relay relay() {
        return context.getBean(Relay.class);
    }

    /** The status of the answer. */
    int get(String path) {
        int port = ((WebServerApplicationContext) context).getWebServer().getPort();
        try {
            return http.send(
                            HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                                    .timeout(Duration.ofSeconds(5))
                                    .build(),
                            HttpResponse.BodyHandlers.discarding())
                    .statusCode();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** How many connections of each pool somebody holds. */
    Map<String, Integer> borrowed() {
        return context.getBeansOfType(ConnectionPool.class).entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey,
                        pool -> pool.getValue()
                                .getMetrics()
                                .map(PoolMetrics::acquiredSize)
                                .orElseThrow()));
    }

    @Override
    public void close() {
        context.close();
    }
}
