package dev.outbox.leadership;

import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.AdvisoryLocks;
import dev.outbox.tail.Listener;
import java.util.List;
import reactor.core.publisher.Mono;

/**
 * Who can run which subscription, and who runs it, in advisory locks of the listeners' sessions: they go with the session, whatever
 * happens to the process. For each subscription that it can run, a session holds one lock in share mode; and one alone for each
 * that it runs.
 *
 * <p>The keys are hashes of 64 bits of the name. Should two names ever have the same, one of them waits for the other.
 */
final class Roster {

    private static final String JOIN = "select count(pg_try_advisory_lock_shared(" + AdvisoryLocks.candidate("name")
            + ")) >= 0 as done from unnest($1::text[]) name";

    private static final String LEAVE = "select count(pg_advisory_unlock_shared(" + AdvisoryLocks.candidate("name")
            + ")) >= 0 as done from unnest($1::text[]) name";

    private static final String LEAD = "select pg_try_advisory_lock(" + AdvisoryLocks.leader("$1::text") + ") as done";

    private static final String STEP_DOWN =
            "select pg_advisory_unlock(" + AdvisoryLocks.leader("$1::text") + ") as done";

    /**
     * Of all subscriptions there are, also those that only other instances have a handler for: what those run counts as their
     * load, and all see the same. A key of 64 bits is in two columns, its high half first.
     */
    private static final String LOOK = """
            with held as (
                select pid, mode = 'ExclusiveLock' as runs, classid::bigint << 32 | objid::bigint as key
                from pg_locks
                where locktype = 'advisory' and objsubid = 1 and granted
                    and database = (select oid from pg_database where datname = current_database())
            )
            select name, pid, runs
            from (select name from outbox.subscription union select unnest($1::text[])) known (name)
            join held on key = case when runs then {leader} else {candidate} end
            """.replace("{leader}", AdvisoryLocks.leader("name"))
            .replace("{candidate}", AdvisoryLocks.candidate("name"));

    private final Listener listener;
    private final String[] names;

    Roster(Listener listener, List<String> names) {
        this.listener = listener;
        this.names = names.toArray(String[]::new);
    }

    /** From now on this instance counts among those that can run the subscriptions; tells the others. */
    Mono<Void> join() {
        return listener.ask(JOIN, (Object) names)
                .then(Mono.defer(listener::tellOfChange))
                .then();
    }

    /** From now on the others need not consider this instance. */
    Mono<Void> leave() {
        return listener.ask(LEAVE, (Object) names).then();
    }

    /** Takes a subscription, if nobody runs it; it is held until it is released or the session ends. */
    Mono<Boolean> lead(String name) {
        return listener.ask(LEAD, name);
    }

    /** Gives a subscription back, and only then tells the others: who tries at once must get it. */
    Mono<Void> stepDown(String name) {
        return listener.ask(STEP_DOWN, name)
                .then(Mono.defer(listener::tellOfChange))
                .then();
    }

    /** Fails if this session has lost what it held, which does not happen to a session of one's own. */
    Mono<Balance> look() {
        return listener.rows(
                        row -> new Balance.Lock(
                                text(row, "name"),
                                requireNonNull(row.get("pid", Integer.class)),
                                requireNonNull(row.get("runs", Boolean.class))),
                        LOOK,
                        (Object) names)
                .doOnNext(this::requireOwn)
                .map(locks -> new Balance(listener.session(), locks));
    }

    private void requireOwn(List<Balance.Lock> locks) {
        long joined = locks.stream()
                .filter(lock -> !lock.runs() && lock.session() == listener.session())
                .count();
        if (joined < names.length) {
            throw new IllegalStateException("The session has lost its locks");
        }
    }
}
