package dev.outbox.retention;

import static dev.outbox.retention.TableChanges.execute;
import static dev.outbox.retention.TableChanges.is;

import dev.outbox.database.Columns;
import dev.outbox.database.Database;
import dev.outbox.log.AsideTables;
import dev.outbox.log.Partition;
import dev.outbox.retention.TableChanges.Result;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Gives the events of the default partition partitions of their own, while others write and read there: they are copied, piece by piece, to
 * tables aside, one for each gap between the partitions. When few are left the log is locked for an instant: the last ones are copied, the
 * default partition is emptied and the tables become partitions. A reader sees every event once, before and after.
 *
 * <p>What is known of the work is in the tables aside alone, so any instance can go on with it, also after a crash. Events are copied in order
 * of (tx, id), and only those of transactions below which all have ended. So no event can appear behind the last one that was
 * copied, and that one says how far the work is.
 */
final class Strays {

    /** What one transaction copies. */
    private static final int PIECE = 2_000;

    /** How many pieces are copied at once; then others have their turn. */
    private static final int PIECES = 100;

    /** So few are copied while everybody waits. */
    private static final int FEW = 1_000;

    /** Primary key of event_default. */
    private static final String ANY = "select exists (select from outbox.event_default) as found";

    /** The gaps in which there are events; primary key of event_default. $1 from, $2 to */
    private static final String FILLED = """
            select gap.low, gap.high, first.id as first
            from unnest($1::bigint[], $2::bigint[]) gap (low, high)
            cross join lateral (
                select id from outbox.event_default where id >= gap.low and id < gap.high order by id limit 1) first
            order by gap.low
            """;

    private static final String CREATE = """
            create table outbox.%s (like outbox.event including all, constraint aside check (%s))
            """;

    /** The last event that was copied. */
    private static final String LAST = """
            select tx, id from (%s) copied order by tx desc, id desc limit 1
            """;

    /**
     * Index event_default_tx_id_idx. What is behind the last one that was copied; ids are disguised, since the primary key would lead to all that
     * was copied before.
     */
    private static final String REST = """
            select *
            from outbox.event_default
            where (tx, id) > (coalesce((select tx from last), '0'), coalesce((select id from last), 0)) and (%s) and %s
            order by tx, id
            limit %d
            """;

    /** A message for nobody, so that there is something to flush. */
    private static final String FLUSH = "select pg_logical_emit_message(true, 'outbox', '')::text as lsn where $1";

    /** No transaction below has still to end. */
    private static final String ENDED = "tx < pg_snapshot_xmin(pg_current_snapshot())";

    /** Primary key of event_default: a table that is added behind another one lacks what was passed over before it was there. */
    private static final String CATCH_UP = """
            with last as materialized (%s)
            insert into outbox.%s
            select * from outbox.event_default where %s and (tx, id) <= (select tx, id from last)
            """;

    private final Database database;
    private final TableChanges changes;

    Strays(Database database) {
        this.database = database;
        this.changes = new TableChanges(database);
    }

    /** Whether there are any, or something of earlier ones is left. */
    Mono<Boolean> areThere() {
        return database.run(connection -> is(connection, "found", ANY)
                .flatMap(found ->
                        found ? Mono.just(true) : AsideTables.of(connection).map(left -> !left.isEmpty())));
    }

    /**
     * Goes on with the work.
     *
     * @param all the partitions
     * @param drawn the highest id that was drawn
     * @param size how many ids a partition spans
     * @return NOTHING when all is done
     */
    Mono<Result> settle(List<Partition> all, long drawn, long size) {
        return changes.beside("60s", connection -> dropSuperfluous(connection, all))
                .flatMap(result -> result == Result.NOTHING
                        ? changes.beside(
                                "60s", connection -> setAside(connection, all, drawn, size, Partitions.MOST_AHEAD))
                        : Mono.just(result))
                .flatMap(result -> result == Result.NOTHING ? copy(PIECES) : Mono.just(result));
    }

    /** What lies where somebody made a partition meanwhile, or of events that are gone. The default partition has all that is in them. */
    private static Mono<Result> dropSuperfluous(PostgresqlConnection connection, List<Partition> all) {
        return is(connection, "found", ANY)
                .flatMap(found -> AsideTables.of(connection).flatMap(aside -> {
                    List<Partition> superfluous = aside.stream()
                            .filter(table -> !found || overlaps(table, all))
                            .toList();
                    return superfluous.isEmpty()
                            ? Mono.just(Result.NOTHING)
                            : AsideTables.drop(connection, superfluous).thenReturn(Result.DONE);
                }));
    }

    /** Makes the tables that are missing; so many at most, the others later. */
    private static Mono<Result> setAside(
            PostgresqlConnection connection, List<Partition> all, long drawn, long size, int most) {
        return byIndex(connection)
                .then(Mono.defer(() -> AsideTables.of(connection)))
                .flatMap(aside -> {
                    List<Partition> covered =
                            Stream.concat(all.stream(), aside.stream()).toList();
                    return filled(connection, Gap.between(covered))
                            .flatMap(gaps -> gaps.isEmpty() || most == 0
                                    ? Mono.just(Result.NOTHING)
                                    : create(connection, gaps.get(0).table(drawn, size), aside)
                                            .then(Mono.defer(() -> setAside(connection, all, drawn, size, most - 1))));
                });
    }

    private static Mono<Void> create(PostgresqlConnection connection, Partition table, List<Partition> before) {
        Mono<Void> create = execute(connection, CREATE.formatted(table.name(), holds(table)));
        return before.isEmpty()
                ? create
                : create.then(execute(connection, CATCH_UP.formatted(last(before), table.name(), holds(table))));
    }

    private Mono<Result> copy(int pieces) {
        if (pieces == 0) {
            return Mono.just(Result.DONE);
        }
        return changes.beside("5s", this::copyPiece).flatMap(result -> switch (result) {
            case DONE -> copy(pieces - 1);
            case REFUSED -> Mono.just(result);
            case NOTHING -> swap();
        });
    }

    /** NOTHING if so few are left that the rest can be done at once; REFUSED if more cannot be copied while an old transaction is open. */
    private Mono<Result> copyPiece(PostgresqlConnection connection) {
        return byIndex(connection)
                .then(Mono.defer(() -> AsideTables.of(connection)))
                .flatMap(aside -> aside.isEmpty()
                        ? Mono.just(Result.REFUSED)
                        : number(connection, "copied", copying(aside, ENDED, PIECE))
                                .flatMap(copied -> copied == PIECE
                                        ? Mono.just(Result.DONE)
                                        : left(connection, aside)
                                                .map(left -> left <= FEW ? Result.NOTHING : Result.REFUSED)));
    }

    /** What was copied is flushed first, else that would be done while everybody waits. */
    private Mono<Result> swap() {
        return database.query(row -> true, FLUSH, true)
                .then(changes.ofTheList(
                        connection -> byIndex(connection).then(Mono.defer(() -> AsideTables.of(connection))),
                        Strays::swap))
                .doOnNext(Partitions.logged("moved", "event_default"));
    }

    /** Nobody writes now. The constraints show that the tables have the right ids: they are not read for that. */
    private static Mono<Result> swap(PostgresqlConnection connection, List<Partition> aside) {
        String attach = aside.stream()
                .map(table -> Partitions.attaching(table) + "; alter table outbox." + table.name()
                        + " drop constraint aside; ")
                .collect(Collectors.joining());
        return isComplete(connection, aside)
                .flatMap(complete -> complete
                        ? execute(connection, "truncate outbox.event_default; " + attach)
                                .thenReturn(Result.DONE)
                        : TableChanges.refuse());
    }

    /** Whether all are copied now, because little was left and nothing that has no table. */
    private static Mono<Boolean> isComplete(PostgresqlConnection connection, List<Partition> aside) {
        return aside.isEmpty()
                ? Mono.just(false)
                : filled(connection, Gap.between(aside))
                        .flatMap(others -> others.isEmpty()
                                ? number(connection, "copied", copying(aside, "true", FEW + 1))
                                        .map(copied -> copied <= FEW)
                                : Mono.just(false));
    }

    private static Mono<Void> byIndex(PostgresqlConnection connection) {
        return execute(connection, "set local enable_seqscan = off")
                .then(execute(connection, "set local enable_bitmapscan = off"))
                .then(execute(connection, "set local jit = off"));
    }

    private static Mono<List<FilledGap>> filled(PostgresqlConnection connection, List<Gap> gaps) {
        return Flux.defer(() -> Database.rows(
                        connection,
                        row -> new FilledGap(
                                new Gap(Columns.number(row, "low"), Columns.number(row, "high")),
                                Columns.number(row, "first")),
                        FILLED,
                        gaps.stream().map(Gap::from).toArray(Long[]::new),
                        gaps.stream().map(Gap::to).toArray(Long[]::new)))
                .collectList();
    }

    private static Mono<Long> left(PostgresqlConnection connection, List<Partition> aside) {
        return number(
                connection,
                "events",
                "with last as materialized (" + last(aside) + ") select count(*) as events from ("
                        + REST.formatted(holdsAny(aside), "true", FEW + 1) + ") rest");
    }

    /** Each event goes to the table that holds its id. */
    private static String copying(List<Partition> aside, String condition, int limit) {
        String inserts = aside.stream()
                .map(table -> "%s as (insert into outbox.%s select * from rest where %s returning 1)"
                        .formatted(table.name(), table.name(), holds(table)))
                .collect(Collectors.joining(", "));
        return "with last as materialized (" + last(aside) + "), rest as materialized ("
                + REST.formatted(holdsAny(aside), condition, limit) + "), " + inserts
                + " select count(*) as copied from rest";
    }

    private static String last(List<Partition> aside) {
        return LAST.formatted(aside.stream()
                .map(table -> "(select tx, id from outbox." + table.name() + " order by tx desc, id desc limit 1)")
                .collect(Collectors.joining(" union all ")));
    }

    private static String holdsAny(List<Partition> tables) {
        return tables.stream()
                .map(table -> holds(table).replace("id ", "id + 0 "))
                .collect(Collectors.joining(" or "));
    }

    private static String holds(Partition table) {
        return table.from() == 0 ? "id < " + table.to() : "id >= " + table.from() + " and id < " + table.to();
    }

    private static boolean overlaps(Partition table, List<Partition> all) {
        return all.stream().anyMatch(part -> part.from() < table.to() && table.from() < part.to());
    }

    private static Mono<Long> number(PostgresqlConnection connection, String column, String sql) {
        return Flux.defer(() -> Database.rows(connection, row -> Columns.number(row, column), sql))
                .single();
    }

    /** A gap with events, of which the first has this id. */
    private record FilledGap(Gap gap, long first) {

        /** Up to well above what is drawn; or only around the first event, if somebody gave it an id that is not drawn yet. */
        Partition table(long drawn, long size) {
            return first <= drawn ? gap.filledAbove(drawn, size) : gap.around(first, size);
        }
    }
}
