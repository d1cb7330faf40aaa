package dev.outbox.faults;

import dev.outbox.TestDatabase;
import java.util.Optional;

/** What one that was replaced may not store. */
final class StaleCheckpoint {

    /** A claim takes up what the other stored last; anything else behind it is of one that goes on as if it led. */
    private static final String STALE = """
            select coalesce((
                select format('%%s after %%s', own, before)
                from outbox.checkpoint own
                join outbox.checkpoint before
                    on before.subscription = own.subscription and before.generation = own.generation - 1
                where own.subscription = '%s' and own.instance like '%d-%%' and own.created_at > '%s'
                  and before.instance <> own.instance
                  and (own.done::text, own.target::text, own.last)
                      is distinct from (before.done::text, before.target::text, before.last)
                order by own.generation limit 1), '')
            """;

    private StaleCheckpoint() {}

    /** One that a process stored since an instant behind one of another process, without having claimed the subscription; and that one. */
    static Optional<String> of(TestDatabase database, String subscription, long process, String since) {
        return Optional.of(database.value(STALE.formatted(subscription, process, since)))
                .filter(text -> !text.isEmpty());
    }
}
