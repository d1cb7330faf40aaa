package dev.outbox.faults;

import dev.outbox.TestDatabase;
import java.util.Optional;

/**
 * What one that was replaced may not store. It goes by a record of all checkpoints in the order in which they were stored: of the
 * table itself all but the last few are trimmed, and a stale one with them.
 */
final class StaleCheckpoint {

    private static final String RECORD = """
            create table faults_checkpoint (
                number bigint generated always as identity, subscription text not null, generation bigint not null,
                instance text not null, place text not null, created_at timestamptz not null);
            create function faults_record() returns trigger language plpgsql as $$
            begin
                insert into public.faults_checkpoint (subscription, generation, instance, place, created_at)
                values (new.subscription, new.generation, new.instance,
                    concat_ws(' ', new.done, new.target, new.last), new.created_at);
                return null;
            end
            $$;
            create trigger record after insert on outbox.checkpoint for each row execute function faults_record();
            """;

    /** Each with what had been stored before it. */
    private static final String TOLD = """
            with told as (
                select c.*, lag(instance) over stored as instance_before, lag(place) over stored as place_before,
                    max(generation) over (stored rows between unbounded preceding and 1 preceding) as highest
                from faults_checkpoint c
                window stored as (partition by subscription order by number))
            """;

    /** A claim takes up what the other stored last; anything else behind it is of one that goes on as if it led. */
    private static final String STALE = TOLD + """
            select coalesce((
                select format('%%s %%s after %%s %%s', generation, place, highest, place_before)
                from told
                where subscription = '%s' and instance like '%d-%%' and created_at > '%s'
                  and (generation <= highest or instance <> instance_before and place <> place_before)
                order by number limit 1), '')
            """;

    private static final String ANYWHERE = TOLD + """
            select coalesce((
                select format('%s %s after %s', subscription, generation, highest)
                from told
                where generation <> highest + 1
                order by number limit 1), '')
            """;

    /** Checkpoints that another instance stored than the one before; the first of a subscription is one too. */
    private static final String CLAIMS =
            TOLD + "select count(*) from told where instance is distinct from instance_before";

    private StaleCheckpoint() {}

    /** From now on checkpoints are recorded, in databases made from this one too. */
    static void record(TestDatabase database) {
        database.execute(RECORD);
    }

    /** One that a process stored since an instant below the highest, or behind one of another process without having claimed it. */
    static Optional<String> of(TestDatabase database, String subscription, long process, String since) {
        return told(database, STALE.formatted(subscription, process, since));
    }

    /** One that does not follow the one before it, whoever stored it. */
    static Optional<String> anywhere(TestDatabase database) {
        return told(database, ANYWHERE);
    }

    /** How often one instance took over from another, or began. */
    static long claims(TestDatabase database) {
        return database.number(CLAIMS);
    }

    private static Optional<String> told(TestDatabase database, String sql) {
        return Optional.of(database.value(sql)).filter(text -> !text.isEmpty());
    }
}
