package dev.outbox.peers.modulith;

import dev.outbox.peers.Drain;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.modulith.events.IncompleteEventPublications;
import org.springframework.transaction.TransactionStatus;
import org.springframework.transaction.support.TransactionTemplate;

/** Spring Modulith's event publications, resubmitted as after a crash; its settings are in application.yaml. */
@SpringBootApplication
class ModulithDrain {

    public static void main(String[] arguments) throws Exception {
        try (Drain drain = Drain.begin("peer_modulith", arguments)) {
            try (ConfigurableApplicationContext context = start(drain)) {
                fill(drain, context);
                context.getBean(IncompleteEventPublications.class).resubmitIncompletePublications(publication -> true);
                drain.await();
            }
            drain.requireNone("event_publication", "true");
        }
    }

    private static ConfigurableApplicationContext start(Drain drain) {
        return new SpringApplicationBuilder(ModulithDrain.class)
                .initializers(context -> context.getBeanFactory().registerSingleton("drain", drain))
                .properties("spring.datasource.url=" + drain.url())
                .run();
    }

    private static void fill(Drain drain, ConfigurableApplicationContext context) throws SQLException {
        JdbcTemplate jdbc = context.getBean(JdbcTemplate.class);
        Map<String, Object> model = context.getBean(TransactionTemplate.class)
                .execute(transaction -> publish(context, jdbc, transaction));
        jdbc.update(
                """
                insert into event_publication (
                    id, listener_id, event_type, serialized_event, publication_date, status, completion_attempts,
                    last_resubmission_date)
                select gen_random_uuid(), ?, ?, replace(?, '"thingId":0', '"thingId":' || n), now(), ?, ?, now()
                from generate_series(1, ?) n
                """,
                model.get("listener_id"),
                model.get("event_type"),
                model.get("serialized_event"),
                model.get("status"),
                model.get("completion_attempts"),
                drain.backlog());
        drain.execute("vacuum analyze event_publication", "checkpoint");
    }

    /** The row of an event whose transaction is rolled back, so that no listener hears of it. */
    private static Map<String, Object> publish(
            ConfigurableApplicationContext context, JdbcTemplate jdbc, TransactionStatus transaction) {
        context.publishEvent(new Thing(0, List.of(1, 2, 3), Instant.now()));
        transaction.setRollbackOnly();
        return jdbc.queryForMap("select * from event_publication");
    }
}
