package dev.outbox.operations;

import static dev.outbox.database.Columns.is;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outbox.database.AdvisoryLocks;
import io.r2dbc.spi.Readable;
import org.jspecify.annotations.Nullable;

/**
 * A session that is no instance's and holds the lock of a subscription, so that no instance can run it.
 *
 * @param pid null if a prepared transaction holds it
 * @param address of the client; null if it is on the server itself, or may not be seen
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Holder(
        @Nullable Integer pid,
        @Nullable String user,
        @Nullable String application,
        @Nullable String address) {

    /**
     * Which one, of a subscription {@code s}; whatever the mode of the lock, no instance can have it. What an instance holds it holds in
     * its session named "outbox listener": the name, the user and the pid of a session can be seen by everyone, the address only by its own
     * user and members of pg_read_all_stats.
     */
    static final String SQL = """
            left join lateral (
                select true as held, l.pid as holder_pid, a.usename::text as holder_user, a.application_name as holder_application,
                    host(a.client_addr) as holder_address
                from pg_locks l
                left join pg_stat_activity a on a.pid = l.pid
                where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
                  and (l.classid::bigint << 32 | l.objid::bigint) = {leader}
                  and l.database = (select oid from pg_database where datname = current_database())
                  and a.application_name is distinct from 'outbox listener'
                order by l.pid
                limit 1) stranger on true""".replace("{leader}", AdvisoryLocks.leader("s.name"));

    static @Nullable Holder of(Readable row) {
        return is(row, "held")
                ? new Holder(
                        row.get("holder_pid", Integer.class),
                        row.get("holder_user", String.class),
                        row.get("holder_application", String.class),
                        row.get("holder_address", String.class))
                : null;
    }
}
