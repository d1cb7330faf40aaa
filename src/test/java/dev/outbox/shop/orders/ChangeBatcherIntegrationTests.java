package dev.outbox.shop.orders;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class ChangeBatcherIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final List<OrderStatus> STATUSES =
            List.of(OrderStatus.CREATED, OrderStatus.BACKORDER, OrderStatus.SHIPPED, OrderStatus.CANCELED);
    private static final String EVENTS =
            "select string_agg(aggregate_id || type || (payload -> 'version'), ' ' order by aggregate_id::bigint, id)"
                    + " from outbox.event";

    private final long seed = Long.getLong("outbox.test.seed", System.nanoTime());

    /** The same random wishes, in batches in one database and one by one in another: the same answers, orders and events. */
    @Test
    void batchesAnswerLikeSingleChanges() {
        TestDatabase batched = TestDatabase.fresh();
        TestDatabase single = TestDatabase.fresh();
        ChangeBatcher batches = new ChangeBatcher(store(batched));
        ChangeBatcher singles = new ChangeBatcher(store(single), 1);
        Random random = new Random(seed);
        System.out.println("batches like single changes: seed " + seed);
        for (int round = 0; round < 40; round++) {
            List<StatusChange> wishes = wishes(random);
            assertThat(answers(batches, wishes)).isEqualTo(answers(singles, wishes));
        }
        assertThat(batched.value(EVENTS)).isEqualTo(single.value(EVENTS)).isNotEmpty();
    }

    @Test
    void aLockedOrderWaitsAndTheOthersDoNot() throws Exception {
        TestDatabase database = TestDatabase.fresh();
        ChangeBatcher batcher = new ChangeBatcher(store(database));
        try (Connection holder = database.connect();
                Statement statement = holder.createStatement()) {
            holder.setAutoCommit(false);
            statement.execute("update orders set status = 'backorder' where id = 3");
            Flux<Long> answered = Flux.range(1, 20)
                    .flatMap(id -> batcher.change(new StatusChange(id, OrderStatus.SHIPPED, Versions.ANY)), 20)
                    .map(result -> requireUpdated(result).id());
            List<Long> order = new ArrayList<>();
            StepVerifier.create(answered.doOnNext(order::add))
                    .expectNextCount(19)
                    .then(() -> assertThat(order).doesNotContain(3L))
                    .then(() -> commit(holder))
                    .expectNext(3L)
                    .expectComplete()
                    .verify(SOON);
        }
        assertThat(database.value("select status || version from orders where id = 3"))
                .isEqualTo("shipped3");
    }

    private static Order requireUpdated(ChangeResult result) {
        assertThat(result.kind()).isEqualTo(ChangeResult.Kind.UPDATED);
        return java.util.Objects.requireNonNull(result.order());
    }

    private static List<StatusChange> wishes(Random random) {
        List<Integer> ids =
                new ArrayList<>(IntStream.rangeClosed(981, 1_020).boxed().toList());
        Collections.shuffle(ids, random);
        return ids.stream()
                .map(id -> new StatusChange(
                        id,
                        STATUSES.get(random.nextInt(8) < 6 ? random.nextInt(2) : random.nextInt(4)),
                        random.nextInt(3) == 0 ? Versions.exactly(random.nextInt(8) + 1) : Versions.ANY))
                .toList();
    }

    private static List<String> answers(ChangeBatcher batcher, List<StatusChange> wishes) {
        List<String> answers = Flux.fromIterable(wishes)
                .flatMapSequential(batcher::change, wishes.size())
                .map(result -> result.change().id() + " " + result.kind() + " "
                        + (result.order() == null
                                ? ""
                                : result.order().status() + " " + result.order().version()))
                .collectList()
                .block(SOON);
        return java.util.Objects.requireNonNull(answers);
    }

    private static OrderStore store(TestDatabase database) {
        return new OrderStore(new Database(database.pool(10), Duration.ofSeconds(10)));
    }

    private static void commit(Connection connection) {
        try {
            connection.commit();
        } catch (java.sql.SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
