package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
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

    /** Hexadecimal digits of random bytes can hardly be compressed. */
    @Test
    void largeEventsMakeAPageSmallerAndOneThatIsTooLargeComesAlone() {
        database.execute("""
                insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                select 'thing', n, 'thing.made', jsonb_build_object('digits', (
                    select string_agg(md5(random()::text), '') from generate_series(1, case n when 5 then 1000 else 100 end)))
                from generate_series(1, 10) n
                """);
        EventLog sparing = new EventLog(new Database(database.pool(2), Duration.ofSeconds(5)), 8_000);
        List<List<String>> pages = new ArrayList<>();
        Page page = await(sparing.page(Position.BEGINNING, 100, Wanted.ALL, 0));
        while (!page.isEmpty()) {
            pages.add(page.events().stream().map(Event::key).toList());
            page = await(sparing.page(page.after(), 100, Wanted.ALL, 0));
        }
        assertThat(pages)
                .containsExactly(List.of("1", "2", "3"), List.of("4", "5"), List.of("6", "7", "8"), List.of("9", "10"));
        assertThat(page(Position.BEGINNING, 100).events()).hasSize(10);
    }

    /** Repeated letters are stored in a hundredth of their length. */
    @Test
    void theEventsOfAKeyComeInPagesThatEndByBytesAsTheyAreReadAndOneThatIsTooLargeComesAlone() {
        database.execute("""
                insert into outbox.event (aggregate_type, aggregate_id, type, payload)
                select 'thing', 'k', 'thing.made', jsonb_build_object('n', n, 'text', repeat('x', case n when 9 then 2000000 else 400000 end))
                from generate_series(1, 9) n
                """);
        List<Integer> sizes = new ArrayList<>();
        List<Long> ids = new ArrayList<>();
        KeyPage page = await(log.ofKey("thing", "k", 0, 4));
        ids.addAll(page.events().stream().map(Event::id).toList());
        sizes.add(page.events().size());
        while (page.more()) {
            page = await(log.ofKey("thing", "k", ids.get(ids.size() - 1), 4));
            ids.addAll(page.events().stream().map(Event::id).toList());
            sizes.add(page.events().size());
        }
        assertThat(sizes).containsExactly(3, 3, 3);
        assertThat(ids).hasSize(9).isSorted().doesNotHaveDuplicates();
        assertThat(await(log.ofKey("thing", "k", ids.get(7), 4)).events()).hasSize(1);
        assertThat(await(log.ofKey("thing", "k", 0, 2)).more()).isTrue();
        assertThat(await(log.ofKey("thing", "k", ids.get(8), 2))).isEqualTo(new KeyPage(List.of(), false));
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
    void theShardOfAnAggregateStaysTheSameForEver() {
        assertThat(database.value("select string_agg(outbox.shard('order', key, 64)::text, ' ' order by place)"
                        + " from unnest(array['1', '2', '17', 'Straße', '']) with ordinality k (key, place)"))
                .isEqualTo("22 43 19 61 57");
    }

    /** Those of the versions before too: what they left is followed by it. */
    @Test
    void theShardOfAKeyAloneStaysTheSameToo() {
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
