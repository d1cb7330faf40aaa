package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class EventLogIntegrationTests {

    private final TestDatabase database = TestDatabase.fresh();
    private final EventLog log = new EventLog(new Database(database.pool(2), Duration.ofSeconds(5)));

    @Test
    void aPageHoldsWhatWasCommittedInOrder() {
        change("update orders set status = 'shipped' where id = 1");
        change("update orders set status = 'canceled' where id = 2");

        Page page = page(log.beginning(), 100);

        assertThat(page.events()).extracting(Event::type).containsExactly("order.shipped", "order.canceled");
        assertThat(page.events()).extracting(Event::key).containsExactly("1", "2");
        assertThat(page(page.after(), 100).isEmpty()).isTrue();
    }

    @Test
    void aBacklogIsReadPageByPageInOneWindow() {
        change("update orders set status = 'shipped' where id <= 25 and status = 'created'");
        List<Long> ids = new java.util.ArrayList<>();
        Position position = log.beginning();
        for (Page page = page(position, 10); !page.isEmpty(); page = page(page.after(), 10)) {
            page.events().forEach(event -> ids.add(event.id()));
        }
        assertThat(ids).hasSize(23).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void thePositionPassesWhatIsNotWanted() {
        change("update orders set status = 'shipped' where id = 1");
        Page page = await(log.page(log.beginning(), 10, Set.of("order.canceled"), 0));
        assertThat(page.events()).isEmpty();
        assertThat(page.size()).isEqualTo(1);
        assertThat(page(page.after(), 10).isEmpty()).isTrue();
    }

    private void change(String sql) {
        database.execute(sql);
    }

    private Page page(Position from, int limit) {
        return await(log.page(from, limit, Set.of(), 0));
    }

    private static <T> T await(Mono<T> mono) {
        return java.util.Objects.requireNonNull(mono.block(Duration.ofSeconds(5)));
    }
}
