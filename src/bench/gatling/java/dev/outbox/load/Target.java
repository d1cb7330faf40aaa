package dev.outbox.load;

import static io.gatling.javaapi.core.CoreDsl.StringBody;
import static io.gatling.javaapi.http.HttpDsl.http;
import static io.gatling.javaapi.http.HttpDsl.status;

import io.gatling.javaapi.http.HttpProtocolBuilder;
import io.gatling.javaapi.http.HttpRequestActionBuilder;

/** The service under load; where it is and how much load it gets is said by system properties. */
final class Target {

    static final String BASE_URL = System.getProperty("baseUrl", "http://localhost:8080");

    private Target() {}

    /** A connection for each user, which is kept. */
    static HttpProtocolBuilder protocol() {
        return http.baseUrl(BASE_URL)
                .acceptHeader("application/json")
                .contentTypeHeader("application/json")
                .userAgentHeader("outbox-load")
                .disableCaching();
    }

    static int setting(String name, int otherwise) {
        return Integer.getInteger(name, otherwise);
    }

    /** The change that {@link Changes} put into the session. */
    static HttpRequestActionBuilder change(String name) {
        return http(name)
                .patch("/orders/update")
                .body(StringBody("{\"id\":#{id},\"status\":\"#{status}\"}"))
                .check(status().is(200));
    }
}
