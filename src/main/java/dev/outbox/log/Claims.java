package dev.outbox.log;

import static dev.outbox.database.Columns.is;
import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;
import static java.util.Objects.requireNonNull;

import dev.outbox.database.AdvisoryLocks;
import dev.outbox.database.Database;
import dev.outbox.handler.Origin;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.stereotype.Repository;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * What a leader does first: it makes its subscription known, and stores the stored position again as the next generation, so that
 * whoever led before runs into the fence.
 *
 * <p>Of the subscriptions of a handler one set is in force, of one number of shards; one of a version that split by the key alone is
 * another set, whatever its number. A leader of another set takes over from it, all
 * in one transaction, when no instance can run it any more: until then the handler goes on as it is, so that in a deployment that
 * replaces one instance after the other nothing goes to and fro. All shards of the new set begin at the {@linkplain Position#meet
 * meet} of what the old ones have done, with their parked events. The next generation of each old one fences out whoever believes
 * to lead it. Claims of one handler wait for each other.
 */
@Repository
public final class Claims {

    private static final Logger LOG = LoggerFactory.getLogger(Claims.class);

    /** Of the handler, by a hash as those of Roster. */
    private static final String LOCK =
            "select pg_advisory_xact_lock(" + AdvisoryLocks.claim("$1") + ")::text as locked";

    /**
     * Whether a session can run or runs a subscription: the locks of Roster. Index subscription_handler_idx
     * $1 handler, $2 kind, $3 types
     */
    private static final String IN_FORCE = """
            with held as materialized (
                select classid::bigint << 32 | objid::bigint as key
                from pg_locks
                where locktype = 'advisory' and objsubid = 1 and granted
                  and database = (select oid from pg_database where datname = current_database())
            )
            select name, (kind, types) is not distinct from ($2, $3::text[]) as is_known,
                exists (
                    select from held where key in ({leader}, {candidate})) as held
            from outbox.subscription
            where handler = $1 and retired_at is null
            order by shard
            """.replace("{leader}", AdvisoryLocks.leader("name"))
            .replace("{candidate}", AdvisoryLocks.candidate("name"));

    private static final String UPDATE = """
            update outbox.subscription
            set kind = $2, types = $3, updated_at = now()
            where name = $1
            """;

    /** They are paused if all before them were. $1 names, $2 kind, $3 types, $4 those before them */
    private static final String PUT_IN_FORCE = """
            insert into outbox.subscription
                (name, kind, types, paused_at, paused_by, pause_reason, replayed_through, replay_rate)
            select name, $2, $3, before.paused_at, before.paused_by, before.pause_reason, before.through, before.rate
            from unnest($1::text[]) name
            cross join (
                select case when bool_and(paused_at is not null) then min(paused_at) end as paused_at,
                    case when bool_and(paused_at is not null) then min(paused_by) end as paused_by,
                    case when bool_and(paused_at is not null) then min(pause_reason) end as pause_reason,
                    coalesce(max(replayed_through), 0) as through, min(replay_rate) as rate
                from outbox.subscription
                where name = any ($4)) before
            on conflict (name) do update
            set kind = excluded.kind, types = excluded.types, updated_at = now(), retired_at = null,
                paused_at = excluded.paused_at, paused_by = excluded.paused_by, pause_reason = excluded.pause_reason,
                circuit_opened_at = null, circuit_error = null, failed_at = null, failure = null,
                replayed_through = excluded.replayed_through, replay_rate = excluded.replay_rate
            """;

    private static final String RETIRE = "update outbox.subscription set retired_at = now() where name = any ($1)";

    /** Primary keys. The key of a parked event is that of the log: one without order has its id there. $1 from, $2 to */
    private static final String MOVE_PARKED = """
            update outbox.parked p
            set subscription = ($2::text[])[outbox.shard(
                aggregate_type, coalesce((select aggregate_id from outbox.event where id = p.event_id), p.key), cardinality($2))]
            where subscription = any ($1)
            """;

    private static final String REFUSE_ACTIONS = """
            update outbox.action
            set applied_at = clock_timestamp(), applied_by = $2,
                result = jsonb_build_object('error', 'The handler is run in other shards now: ' || array_to_string($3::text[], ', '))
            where subscription = any ($1) and applied_at is null
            """;

    /**
     * Whether an event is done by its shard and not under a position at the tail; by event_tx_id_idx from the first transaction
     * on that is not visible in it. $1 handler, $2 done
     */
    private static final String DIFFER = """
            select exists (
                select
                from outbox.subscription s
                cross join lateral (
                    select * from outbox.checkpoint where subscription = s.name order by generation desc limit 1) c
                join outbox.event e on e.tx >= pg_snapshot_xmin($2::text::pg_snapshot)
                where s.handler = $1 and s.retired_at is null
                  and (s.types = '{}' or e.type = any (s.types)) and outbox.shard_of(s.name, s.shards, e.aggregate_type, e.aggregate_id) = s.shard
                  and outbox.is_done(c.done, c.target, c.last, e.tx, e.id)
                  and not pg_visible_in_snapshot(e.tx, $2::text::pg_snapshot)) as found
            """;

    /** By the clock too: a failover or a restore may have lost the last tokens. Seq scan of one row. */
    private static final String ORIGIN = """
            update outbox.identity
            set fence = greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint)
            returning id, fence
            """;

    private final Database database;
    private final Checkpoints checkpoints;

    Claims(@Qualifier("relay") Database database, Checkpoints checkpoints) {
        this.database = database;
        this.checkpoints = checkpoints;
    }

    /**
     * Claims a subscription.
     *
     * @param kind if it is {@code transactional}, nothing that is done may come again
     * @return the stored checkpoint, with a fencing token above all that were given before; a new handler begins at the beginning of
     *     the log. Fails with {@link OtherShardsException} if
     *     another set of its shards is in force and cannot be followed yet
     */
    public Mono<Checkpoint> claim(String handler, String kind, Wanted wanted, String instance) {
        Claim claim = new Claim(handler, kind, wanted, instance);
        return checkpoints
                .convert()
                .then(Mono.defer(() ->
                        database.inTransaction(connection -> Database.rows(connection, row -> true, LOCK, handler)
                                .then(Mono.defer(() -> inForce(connection, claim)))
                                .flatMap(inForce -> settle(connection, claim, inForce))
                                .then(Mono.defer(() -> append(connection, claim, wanted.name(handler))))
                                .flatMap(claimed -> origin(connection).map(claimed::ledFrom)))));
    }

    /** The last thing of a claim: all of them wait for each other here. */
    private static Mono<Origin> origin(PostgresqlConnection connection) {
        return Database.rows(
                        connection,
                        row -> new Origin(requireNonNull(row.get("id", UUID.class)), number(row, "fence")),
                        ORIGIN)
                .single();
    }

    private record Claim(String handler, String kind, Wanted wanted, String instance) {

        List<String> names() {
            return wanted.names(handler);
        }
    }

    private record InForce(String name, boolean held, boolean isKnown) {}

    private static Mono<List<InForce>> inForce(PostgresqlConnection connection, Claim claim) {
        return Flux.defer(() -> Database.rows(
                        connection,
                        row -> new InForce(text(row, "name"), is(row, "held"), is(row, "is_known")),
                        IN_FORCE,
                        claim.handler(),
                        claim.kind(),
                        claim.wanted().sortedTypes()))
                .collectList();
    }

    private Mono<Void> settle(PostgresqlConnection connection, Claim claim, List<InForce> inForce) {
        List<String> before = inForce.stream().map(InForce::name).toList();
        if (before.equals(claim.names())) {
            return inForce.get(claim.wanted().shard() - 1).isKnown() ? Mono.empty() : update(connection, claim);
        }
        return inForce.stream().anyMatch(InForce::held)
                ? Mono.error(new OtherShardsException("An instance is there that runs " + String.join(", ", before)
                        + ". They are followed by " + String.join(", ", claim.names()) + " when none is left"))
                : takeOver(connection, claim, before);
    }

    private static Mono<Void> update(PostgresqlConnection connection, Claim claim) {
        return Database.update(
                        connection,
                        UPDATE,
                        claim.wanted().name(claim.handler()),
                        claim.kind(),
                        claim.wanted().sortedTypes())
                .then();
    }

    /** The fence comes first: whoever is about to store for an old one waits for it or is waited for, and neither holds what the other needs. */
    private Mono<Void> takeOver(PostgresqlConnection connection, Claim claim, List<String> before) {
        return Flux.fromIterable(before)
                .concatMap(name -> latest(connection, name), 1)
                .collectList()
                .flatMap(latest -> requireSame(connection, claim, latest)
                        .then(Mono.defer(() -> fence(connection, claim, latest)))
                        .then(Mono.defer(() -> putInForce(connection, claim, before)))
                        .then(Mono.defer(() -> begin(connection, claim, latest))));
    }

    private Mono<Void> fence(PostgresqlConnection connection, Claim claim, List<Checkpoint> latest) {
        return Flux.fromIterable(latest)
                .concatMap(old -> append(connection, claim, old.next(old.position())), 1)
                .then();
    }

    /** All begin at what those before them have done; one statement at a time, as the connection takes them. */
    private Mono<Void> begin(PostgresqlConnection connection, Claim claim, List<Checkpoint> before) {
        return Flux.fromIterable(claim.names())
                .concatMap(
                        name -> latest(connection, name)
                                .flatMap(own -> append(connection, claim, own.next(meet(before)))),
                        1)
                .then();
    }

    private Mono<Void> putInForce(PostgresqlConnection connection, Claim claim, List<String> before) {
        String[] old = before.toArray(String[]::new);
        String[] names = claim.names().toArray(String[]::new);
        return Database.update(
                        connection,
                        PUT_IN_FORCE,
                        names,
                        claim.kind(),
                        claim.wanted().sortedTypes(),
                        old)
                .then(Mono.defer(() -> Database.update(connection, RETIRE, (Object) old)))
                .then(PartitionList.duringInTransaction(
                        connection, () -> Database.update(connection, MOVE_PARKED, old, names)))
                .then(Mono.defer(() -> Database.update(connection, REFUSE_ACTIONS, old, claim.instance(), names)))
                .doOnSuccess(moved -> {
                    if (old.length > 0) {
                        LOG.warn("shards.changed handler={} from={} to={}", claim.handler(), before, claim.names());
                    }
                })
                .then();
    }

    /** What only some of them have done would come again. One alone has done what it has done. */
    private static Mono<Void> requireSame(PostgresqlConnection connection, Claim claim, List<Checkpoint> latest) {
        if (!claim.kind().equals("transactional") || latest.size() < 2) {
            return Mono.empty();
        }
        Position meet = meet(latest);
        return PartitionList.duringInTransaction(
                        connection,
                        () -> Database.rows(
                                        connection,
                                        row -> is(row, "found"),
                                        DIFFER,
                                        claim.handler(),
                                        meet.done().text())
                                .single())
                .flatMap(differ -> differ || meet.target() != null
                        ? Mono.error(new OtherShardsException("Its " + latest.size()
                                + " shards have not done the same, and effects that are there would be repeated. Run it in "
                                + latest.size()
                                + " again until all are at the end of the log, and stop them while nobody writes"))
                        : Mono.empty());
    }

    private static Position meet(List<Checkpoint> checkpoints) {
        return checkpoints.stream()
                .map(Checkpoint::position)
                .reduce(Position::meet)
                .orElse(Position.BEGINNING);
    }

    private Mono<Checkpoint> append(PostgresqlConnection connection, Claim claim, String name) {
        return latest(connection, name).flatMap(latest -> append(connection, claim, latest.next(latest.position())));
    }

    /** Only here a first one is stored. */
    private Mono<Checkpoint> append(PostgresqlConnection connection, Claim claim, Checkpoint next) {
        return next.generation() == 0
                ? checkpoints.begin(connection, next.subscription(), next.position(), claim.instance())
                : checkpoints
                        .append(connection, next, claim.instance())
                        .then(Mono.defer(() -> checkpoints.trim(connection, next)))
                        .thenReturn(next);
    }

    /** What has no checkpoint yet has done nothing: generation -1, of which the next is the first. */
    private static Mono<Checkpoint> latest(PostgresqlConnection connection, String name) {
        return Mono.defer(() -> Checkpoints.stored(connection, name))
                .defaultIfEmpty(new Checkpoint(name, -1, Position.BEGINNING));
    }
}
