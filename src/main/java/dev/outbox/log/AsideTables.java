package dev.outbox.log;

import static dev.outbox.database.Columns.number;
import static dev.outbox.database.Columns.text;

import dev.outbox.database.Database;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Readable;
import java.util.List;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Tables that are to become partitions: events of the default partition are being copied into them. */
public final class AsideTables {

    /** By the name of its constraint; bounds as text: CHECK (((id >= 1) AND (id < '5000000000'::bigint))). */
    private static final String ASIDE = """
            with aside as materialized (
                select c.relname::text as name, pg_get_constraintdef(k.oid) as text
                from pg_class c
                join pg_constraint k on k.conrelid = c.oid
                where c.relnamespace = 'outbox'::regnamespace and c.relkind = 'r' and not c.relispartition
                    and k.contype = 'c' and k.conname = 'aside'
            )
            select name, coalesce(substring(text from 'id >= ''?(\\d+)')::bigint, 0) as low,
                substring(text from 'id < ''?(\\d+)')::bigint as high
            from aside
            where text ~ 'id < ''?\\d+'
            order by high
            """;

    private AsideTables() {}

    /** Those that there are, in order of their ids. */
    public static Mono<List<Partition>> of(PostgresqlConnection connection) {
        return Flux.defer(() -> Database.rows(connection, AsideTables::table, ASIDE))
                .collectList();
    }

    /** Drops some, in the transaction of the connection: what was copied is copied again. */
    public static Mono<Void> drop(PostgresqlConnection connection, List<Partition> tables) {
        if (tables.isEmpty()) {
            return Mono.empty();
        }
        String names = tables.stream().map(table -> "outbox." + table.name()).collect(Collectors.joining(", "));
        return Flux.defer(
                        () -> connection.createStatement("drop table " + names).execute())
                .concatMap(result -> result.getRowsUpdated(), 1)
                .then();
    }

    private static Partition table(Readable row) {
        return new Partition(text(row, "name"), number(row, "low"), number(row, "high"));
    }
}
