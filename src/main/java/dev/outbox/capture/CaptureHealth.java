package dev.outbox.capture;

import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import dev.outbox.logging.LogValue;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/**
 * Down while a trigger that captures changes, or guards the log, is missing or does not fire, or sessions of some role are replicas by
 * default, in which none fires. It looks three times a minute, and says in the log when that changes.
 */
@Component("triggersHealthIndicator")
final class CaptureHealth implements ReactiveHealthIndicator, SmartLifecycle {

    private static final Logger LOG = LoggerFactory.getLogger(CaptureHealth.class);

    private static final Duration LOOK_EVERY = Duration.ofSeconds(20);

    /** Of the log itself. */
    private static final List<ExpectedTrigger> OF_THE_LOG =
            List.of(new ExpectedTrigger("outbox.event", "ring"), new ExpectedTrigger("outbox.event", "refuse"));

    /** $1 tables, $2 their triggers. A trigger fires if it is enabled in usual sessions or in all. */
    private static final String BROKEN = """
            select name
            from (
                select 'trigger ' || trigger || ' of ' || name as name
                from unnest($1::text[], $2::text[]) expected (name, trigger)
                where not exists (
                    select
                    from pg_trigger t
                    where t.tgrelid = to_regclass(expected.name) and t.tgname = expected.trigger and t.tgenabled in ('O', 'A'))
                union all
                select 'session_replication_role = replica of '
                    || case when setrole = 0 then 'all roles' else 'role ' || setrole::regrole end
                from pg_db_role_setting
                where (setdatabase = 0 or setdatabase = (select oid from pg_database where datname = current_database()))
                  and 'session_replication_role=replica' = any (setconfig)) broken
            order by name
            """;

    private final Database database;
    private final String[] tables;
    private final String[] triggers;
    private volatile List<String> broken = List.of();
    private @Nullable Disposable task;

    @Autowired
    CaptureHealth(Database database, ObjectProvider<ExpectedTrigger> captures) {
        this(database, captures.orderedStream().toList());
    }

    /** @param captures what is expected beside the triggers of the log */
    CaptureHealth(Database database, List<ExpectedTrigger> captures) {
        this.database = database;
        List<ExpectedTrigger> expected =
                Stream.concat(captures.stream(), OF_THE_LOG.stream()).toList();
        this.tables = expected.stream().map(ExpectedTrigger::table).toArray(String[]::new);
        this.triggers = expected.stream().map(ExpectedTrigger::trigger).toArray(String[]::new);
    }

    @Override
    public Mono<Health> health() {
        return Mono.fromSupplier(() -> (broken.isEmpty() ? Health.up() : Health.down())
                .withDetail("broken", broken)
                .build());
    }

    @Override
    public synchronized void start() {
        task = Mono.defer(this::look)
                .onErrorComplete() // what keeps the database away is told by others
                .then(Mono.delay(LOOK_EVERY))
                .repeat()
                .subscribe();
    }

    @Override
    public synchronized void stop() {
        if (task != null) {
            task.dispose();
            task = null;
        }
    }

    @Override
    public synchronized boolean isRunning() {
        return task != null;
    }

    private Mono<Void> look() {
        return database.query(row -> text(row, "name"), BROKEN, tables, triggers)
                .doOnNext(this::tell)
                .then();
    }

    private void tell(List<String> found) {
        if (found.equals(broken)) {
            return;
        }
        broken = found;
        if (found.isEmpty()) {
            LOG.info("capture.mended");
        } else {
            LOG.error("capture.broken what=\"{}\"", LogValue.quoted(String.join(", ", found)));
        }
    }
}
