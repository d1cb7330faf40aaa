package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.TestDatabase;
import dev.outbox.handler.Event;
import dev.outbox.log.Action;
import dev.outbox.log.Arguments;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** What operators ask for, applied by a relay. */
class OperatorActionsIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(10);

    private final TestDatabase database = TestDatabase.fresh();

    @Test
    void whatIsInHandEndsBeforeAPauseAndNothingIsRepeated() {
        CountDownLatch begun = new CountDownLatch(1);
        Sinks.Empty<Void> go = Sinks.empty();
        RecordingHandler handler = new RecordingHandler("recording") {
            @Override
            public Mono<Void> handle(Event event) {
                begun.countDown();
                return event.key().equals("1") ? go.asMono().then(super.handle(event)) : super.handle(event);
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id = 1");
            Deliveries.await(() -> begun.getCount() == 0, SOON, "the event in flight");
            long pause = ask(relay, Action.Name.PAUSE, Arguments.NONE);
            go.tryEmitEmpty();
            awaitApplied(pause);
            database.execute("update orders set status = 'shipped' where id = 2");
            assertThat(handler.events).extracting(Event::key).containsExactly("1");
            awaitApplied(ask(relay, Action.Name.RESUME, Arguments.NONE));
            handler.awaitCount(2, SOON);
        }
        assertThat(handler.events).extracting(Event::key).containsExactly("1", "2");
    }

    /** It is cut off after five seconds, and comes again when the subscription is resumed. */
    @Test
    void aHandlerThatHangsCanBePaused() {
        CountDownLatch begun = new CountDownLatch(1);
        RecordingHandler handler = new RecordingHandler("recording") {
            @Override
            public Mono<Void> handle(Event event) {
                boolean first = begun.getCount() == 1;
                begun.countDown();
                return first ? Mono.never() : super.handle(event);
            }
        };
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id = 1");
            Deliveries.await(() -> begun.getCount() == 0, SOON, "the event in flight");
            awaitApplied(ask(relay, Action.Name.PAUSE, Arguments.NONE));
            awaitApplied(ask(relay, Action.Name.RESUME, Arguments.NONE));
            handler.awaitCount(1, SOON);
        }
    }

    /** Each within a fifth of the time from one look to the next. */
    @Test
    void theDatabaseTellsOfWhatIsDoneBySql() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            for (int i = 1; i <= 5; i++) {
                pauseBySql(handler, i, Duration.ofSeconds(1));
            }
        }
    }

    @Test
    void whatNobodyTellsOfIsNoticedByAndBy() {
        database.execute("alter table outbox.subscription disable trigger tell");
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            pauseBySql(handler, 1, SOON);
        }
    }

    /** Pauses, ships an order, which makes the event that brings the handler to that many, and resumes. */
    private void pauseBySql(RecordingHandler handler, int event, Duration noticedWithin) {
        long generation = generation();
        database.execute("update outbox.subscription set paused_at = now(), paused_by = 'sql'");
        Deliveries.await(() -> generation() > generation, noticedWithin, "the end of the run");
        database.execute("update orders set status = 'shipped' where id = " + event);
        database.execute("update outbox.subscription set paused_at = null, paused_by = null");
        handler.awaitCount(event, noticedWithin);
    }

    @Test
    void aReplayMarksWhatComesAgainAndKeepsItsRate() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id <= 22 and status = 'created'");
            handler.awaitCount(20, SOON);
            long start = System.nanoTime();
            awaitApplied(ask(relay, Action.Name.REPLAY, new Arguments("11", null, null, null, 10, null)));
            database.execute("update orders set status = 'shipped' where id = 23");
            handler.awaitCount(31, SOON);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(900));
            Deliveries.await(
                    () -> database.number("select replayed_through from outbox.subscription") == 0,
                    SOON,
                    "the end of the replay");
        }
        List<Event> again = handler.events.subList(20, 31);
        assertThat(again)
                .filteredOn(Event::replayed)
                .extracting(Event::id)
                .containsExactlyInAnyOrder(11L, 12L, 13L, 14L, 15L, 16L, 17L, 18L, 19L, 20L);
        assertThat(again)
                .filteredOn(event -> !event.replayed())
                .extracting(Event::key)
                .containsExactly("23");
        assertThat(handler.events.subList(0, 20)).noneMatch(Event::replayed);
    }

    @Test
    void whatIsAskedOfOneInstanceIsDoneByTheOneThatLeads() {
        RecordingHandler first = new RecordingHandler("recording");
        RecordingHandler second = new RecordingHandler("recording");
        try (TestRelay leader = TestRelay.with(database, first)) {
            awaitRegistered();
            try (TestRelay other = TestRelay.with(database, second)) {
                long pause = ask(other, Action.Name.PAUSE, Arguments.NONE);
                awaitApplied(pause);
                assertThat(database.value("select applied_by from outbox.action where id = " + pause))
                        .isEqualTo(leader.relay.instance());
                database.execute("update orders set status = 'shipped' where id = 1");
                awaitApplied(ask(other, Action.Name.RESUME, Arguments.NONE));
                first.awaitCount(1, SOON);
                assertThat(second.events).isEmpty();
            }
        }
    }

    @Test
    void aReplayOfAKeyDeliversItsEventsAgainInOrderAndMarked() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'backorder' where id in (1, 2)");
            database.execute("update orders set status = 'shipped' where id in (1, 2)");
            handler.awaitCount(4, SOON);
            awaitApplied(ask(relay, Action.Name.REPLAY, new Arguments(null, null, "2", null, null, null)));
            handler.awaitCount(6, SOON);
            Deliveries.await(() -> database.number("select count(*) from outbox.parked") == 0, SOON, "the end of it");
        }
        assertThat(handler.events.subList(4, 6))
                .allMatch(Event::replayed)
                .allMatch(event -> event.key().equals("2"))
                .extracting(Event::type)
                .containsExactly("order.backordered", "order.shipped");
    }

    @Test
    void anActionThatCannotBeDoneDoesNotHoldUpTheSubscription() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            long wrong = ask(relay, Action.Name.REPLAY, new Arguments("no time", null, null, null, null, null));
            awaitApplied(wrong);
            assertThat(database.value("select result ->> 'error' from outbox.action where id = " + wrong))
                    .contains("no time");
            database.execute("update orders set status = 'shipped' where id = 1");
            handler.awaitCount(1, SOON);
        }
    }

    /** Each made the subscription begin again for ever, or was taken for something else. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "replay  | {\"rate\": \"fast\"}                      | whole number",
                "replay  | {\"rate\": 1000001}                       | 1000000",
                "replay  | {\"from\": \"+294277-01-01T00:00:00Z\"}   | a time",
                "replay  | {\"from\": {}}                            | a string",
                "replay  | []                                        | JSON object",
                "replay  | null                                      | JSON object",
                "pause   | {\"until\": \"tomorrow\"}                 | no argument \"until\"",
                "retry   | {\"eventId\": -1}                         | whole number",
                "retry   | {\"eventId\": 99999999999999999999}       | whole number",
                "discard | {\"eventid\": 1}                          | eventId",
                "discard | {\"all\": true, \"key\": \"1\"}            | alone"
            })
    void anActionThatCannotBeReadIsFailedAndDeliveryGoesOn(String name, String arguments, String reason) {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            database.execute("insert into outbox.parked (subscription, event_id, key, state, attempts, error)"
                    + " values ('recording', 1000, 'dead', 'dead', 7, 'none')");
            long action = database.number("insert into outbox.action (subscription, name, arguments, requested_by)"
                    + " values ('recording', '" + name + "', '" + arguments + "', 'test') returning id");
            awaitApplied(action);
            assertThat(database.value("select result ->> 'error' from outbox.action where id = " + action))
                    .contains(reason);
            database.execute("update orders set status = 'shipped' where id = 1");
            handler.awaitCount(1, SOON);
            assertThat(database.number("select count(*) from outbox.parked where state = 'dead'"))
                    .isOne();
            assertThat(database.number("select count(failed_at) from outbox.subscription"))
                    .isZero();
        }
    }

    @Test
    void anActionAtWhichTheDatabaseFailsThriceIsGivenUpAndEventsFlowMeanwhile() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            onRetry("perform pg_terminate_backend(pg_backend_pid())");
            long retry = ask(relay, Action.Name.RETRY, Arguments.NONE);
            Deliveries.await(
                    () -> database.number("select failures from outbox.action where id = " + retry) > 0,
                    SOON,
                    "the first failure");
            database.execute("update orders set status = 'shipped' where id = 1");
            handler.awaitCount(1, SOON);
            awaitApplied(retry);
            assertThat(database.number("select failures from outbox.action where id = " + retry))
                    .isEqualTo(3);
            assertThat(database.value("select result ->> 'error' from outbox.action where id = " + retry))
                    .contains("terminating connection");
        }
    }

    @Test
    void anActionThatRunsIntoATimeoutIsFailedAtOnce() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            onRetry("raise exception 'too slow' using errcode = 'query_canceled'");
            long retry = ask(relay, Action.Name.RETRY, Arguments.NONE);
            awaitApplied(retry);
            assertThat(database.value(
                            "select failures || ' ' || (result ->> 'error') from outbox.action where id = " + retry))
                    .startsWith("0 It could not be done in time")
                    .contains("too slow");
            database.execute("update orders set status = 'shipped' where id = 1");
            handler.awaitCount(1, SOON);
        }
    }

    /** Ten seconds for each event: it held up the subscription for 20 s, until the statement timeout. */
    @Test
    void aReplayThatTakesTooLongToCountIsFailedWithWhatWouldHelpAndDeliveryGoesOn() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            database.execute("update orders set status = 'shipped' where id in (1, 2)");
            handler.awaitCount(2, SOON);
            database.execute(
                    "create or replace function outbox.is_done(done pg_snapshot, target pg_snapshot, last bigint, tx xid8,"
                            + " id bigint) returns boolean language sql as $$ select pg_sleep(10) is not null $$");
            long replay = ask(relay, Action.Name.REPLAY, new Arguments(null, null, null, "order.shipped", null, null));
            Deliveries.await(
                    () -> database.number("select count(applied_at) from outbox.action where id = " + replay) > 0,
                    Duration.ofSeconds(15),
                    "the end of the action");
            assertThat(database.value("select result ->> 'error' from outbox.action where id = " + replay))
                    .contains("within 5000 ms")
                    .contains("begin later");
            database.execute("update orders set status = 'shipped' where id = 3");
            handler.awaitCount(3, SOON);
        }
    }

    private void onRetry(String deed) {
        database.execute("create function misdeed() returns trigger language plpgsql as $$ begin " + deed
                + "; return null; end $$");
        database.execute("create trigger misdeed after update on outbox.parked for each row when (old.state = 'dead')"
                + " execute function misdeed()");
        database.execute("insert into outbox.parked (subscription, event_id, key, state, attempts, error)"
                + " values ('recording', 1000, 'dead', 'dead', 7, 'none')");
    }

    /** They were applied one after the other, as long as there were any. */
    @Test
    void whoAsksAgainAndAgainDoesNotKeepASubscriptionFromDelivering() {
        RecordingHandler handler = new RecordingHandler("recording");
        try (TestRelay relay = TestRelay.with(database, handler)) {
            awaitRegistered();
            database.execute("insert into outbox.action (subscription, name, arguments, requested_by)"
                    + " select 'recording', 'resume', '{}', 'test' from generate_series(1, 2000)");
            database.execute("update orders set status = 'shipped' where id = 1");
            handler.awaitCount(1, SOON);
            assertThat(database.number("select count(*) from outbox.action where applied_at is null"))
                    .isPositive();
        }
    }

    private static long ask(TestRelay relay, Action.Name name, Arguments arguments) {
        return relay.ask("recording", name, arguments);
    }

    private void awaitApplied(long action) {
        TestRelay.awaitApplied(database, action);
    }

    private void awaitRegistered() {
        Deliveries.await(() -> database.number("select count(*) from outbox.checkpoint") > 0, SOON, "a checkpoint");
    }

    private long generation() {
        return database.number("select max(generation) from outbox.checkpoint");
    }
}
