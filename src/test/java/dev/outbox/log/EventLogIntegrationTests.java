package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class EventLogIntegrationTests {

    private final TestDatabase database = TestDatabase.fresh();
    private final EventLog log = new EventLog(new Database(database.pool(2), Duration.ofSeconds(5)));

    @Test
    void aPageHoldsWhatWasCommittedInOrder() {
        change("update orders set status = 'shipped' where id = 1");
        change("update orders set status = 'canceled' where id = 2");

        Page page = page(Position.BEGINNING, 100);

        assertThat(page.events()).extracting(Event::type).containsExactly("order.shipped", "order.canceled");
        assertThat(page.events()).extracting(Event::key).containsExactly("1", "2");
        assertThat(page(page.after(), 100).isEmpty()).isTrue();
    }

    @Test
    void aBacklogIsReadPageByPageInOneWindow() {
        change("update orders set status = 'shipped' where id <= 25 and status = 'created'");
        List<Long> ids = new java.util.ArrayList<>();
        Position position = Position.BEGINNING;
        for (Page page = page(position, 10); !page.isEmpty(); page = page(page.after(), 10)) {
            page.events().forEach(event -> ids.add(event.id()));
        }
        assertThat(ids).hasSize(23).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void thePositionPassesWhatIsNotWanted() {
        change("update orders set status = 'shipped' where id = 1");
        Page page = await(log.page(Position.BEGINNING, 10, new Wanted(Set.of("order.canceled"), 1, 1), 0));
        assertThat(page.events()).isEmpty();
        assertThat(page.size()).isEqualTo(1);
        assertThat(page(page.after(), 10).isEmpty()).isTrue();
    }

    @Test
    void shardsShareOutTheKeysAndEachPassesTheEventsOfTheOthers() {
        change("update orders set status = 'backorder' where id <= 33 and status = 'created'");
        change("update orders set status = 'shipped' where id <= 33 and status = 'backorder'");
        List<Event> all = page(Position.BEGINNING, 100).events();
        List<Event> shared = new ArrayList<>();
        Set<String> taken = new HashSet<>();
        for (int shard = 1; shard <= 3; shard++) {
            Page page = await(log.page(Position.BEGINNING, 100, new Wanted(Set.of(), shard, 3), 0));
            assertThat(page.events()).isNotEmpty();
            assertThat(page.size()).isEqualTo(all.size());
            Set<String> keys = page.events().stream().map(Event::key).collect(Collectors.toSet());
            assertThat(taken).doesNotContainAnyElementsOf(keys);
            taken.addAll(keys);
            shared.addAll(page.events());
        }
        assertThat(shared).containsExactlyInAnyOrderElementsOf(all);
    }

    /** Another answer would lose events of a log that is there: this one may never change. */
    @Test
    void theShardOfAKeyStaysTheSameForEver() {
        assertThat(database.value("select string_agg(outbox.shard(key, 64)::text, ' ' order by place)"
                        + " from unnest(array['1', '2', '17', 'Straße', '']) with ordinality k (key, place)"))
                .isEqualTo("7 52 36 36 49");
    }

    private void change(String sql) {
        database.execute(sql);
    }

    private Page page(Position from, int limit) {
        return await(log.page(from, limit, Wanted.ALL, 0));
    }

    private static <T> T await(Mono<T> mono) {
        return java.util.Objects.requireNonNull(mono.block(Duration.ofSeconds(5)));
    }
}
