package dev.outbox.peers.namastack;

import dev.outbox.peers.Drain;
import io.namastack.outbox.Outbox;
import io.namastack.outbox.OutboxProcessingScheduler;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.transaction.support.TransactionTemplate;

/** namastack-outbox; its settings are in application.yaml. */
@SpringBootApplication
class NamastackDrain {

    private static final int PER_TRANSACTION = 1_000;

    public static void main(String[] arguments) throws Exception {
        try (Drain drain = Drain.begin("peer_namastack", arguments)) {
            try (ConfigurableApplicationContext context = start(drain)) {
                OutboxProcessingScheduler scheduler = context.getBean(OutboxProcessingScheduler.class);
                scheduler.stop();
                fill(drain, context.getBean(Outbox.class), context.getBean(TransactionTemplate.class));
                scheduler.start();
                drain.await();
            }
            drain.requireNone("outbox_record", "status <> 'COMPLETED'");
        }
    }

    private static ConfigurableApplicationContext start(Drain drain) {
        return new SpringApplicationBuilder(NamastackDrain.class)
                .initializers(context -> context.getBeanFactory().registerSingleton("drain", drain))
                .properties("spring.datasource.url=" + drain.url())
                .run();
    }

    private static void fill(Drain drain, Outbox outbox, TransactionTemplate transactions) throws SQLException {
        for (int first = 1; first <= drain.backlog(); first += PER_TRANSACTION) {
            int from = first;
            int to = Math.min(first + PER_TRANSACTION, drain.backlog() + 1);
            transactions.executeWithoutResult(status -> schedule(outbox, from, to));
        }
        drain.execute("vacuum analyze outbox_record", "checkpoint");
    }

    private static void schedule(Outbox outbox, int from, int to) {
        for (int id = from; id < to; id++) {
            outbox.schedule(new Thing(id, List.of(1, 2, 3), Instant.now()), "thing-" + id);
        }
    }
}
