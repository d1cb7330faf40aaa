package dev.outbox.log;

import dev.outbox.database.Connections;
import dev.outbox.database.Database;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The connections that read the log. */
@Configuration(proxyBeanMethods = false)
class LogConfiguration {

    /**
     * An index leads to every page, whatever the statistics say. With many partitions a plan costs more than a look: it is made
     * once and leaves out, each time, those that have nothing to do with the page.
     */
    static final Map<String, String> READER_SETTINGS = Map.of(
            "plan_cache_mode", "force_generic_plan",
            "enable_seqscan", "off",
            "enable_bitmapscan", "off",
            "jit", "off",
            "max_parallel_workers_per_gather", "0");

    private static final Duration DEADLINE = Duration.ofSeconds(30);

    @Bean(destroyMethod = "dispose", defaultCandidate = false)
    ConnectionPool logReaderPool(Connections connections) {
        Map<String, String> settings = new HashMap<>(READER_SETTINGS);
        settings.put("statement_timeout", "20s");
        return connections.pool("outbox log", 8, settings);
    }

    @Bean
    Database logReaders(@Qualifier("logReaderPool") ConnectionPool pool) {
        return new Database(pool, DEADLINE);
    }
}
