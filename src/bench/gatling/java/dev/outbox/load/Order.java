package dev.outbox.load;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.stream.Stream;

/** An order as it is before the load begins. */
@JsonIgnoreProperties(ignoreUnknown = true)
record Order(long id, String status, long version) {

    private static final ObjectReader JSON = new ObjectMapper().readerFor(Order.class);

    /** All orders of the service, or as many of the first as the property {@code orders} says. */
    static List<Order> all() {
        HttpRequest request = HttpRequest.newBuilder(URI.create(Target.BASE_URL + "/orders"))
                .header("Accept", "application/x-ndjson")
                .build();
        try (Stream<String> lines =
                HttpClient.newHttpClient().send(request, BodyHandlers.ofLines()).body()) {
            return lines.limit(Target.setting("orders", Integer.MAX_VALUE))
                    .map(Order::parse)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException("No orders from " + Target.BASE_URL, e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Order parse(String line) {
        try {
            return JSON.readValue(line);
        } catch (IOException e) {
            throw new UncheckedIOException("Not an order: " + line, e);
        }
    }

    boolean isCanceled() {
        return status.equals("canceled");
    }

    /** Whether its status may still change. */
    boolean isOpen() {
        return !isCanceled() && !status.equals("shipped");
    }
}
