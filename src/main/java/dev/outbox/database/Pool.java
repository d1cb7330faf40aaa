package dev.outbox.database;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import io.r2dbc.spi.ValidationDepth;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Mono;
import reactor.pool.PooledRefMetadata;

/**
 * A pool whose every wait is bounded, and which hands out no connection that died while nobody used it.
 *
 * <p>Those that the server has closed are replaced while they are being borrowed, however many they are. Knowing that takes no round
 * trip, as the driver reads what the server says while a connection is idle too. A host that vanished says nothing: so a connection
 * that was idle for a while is asked, which costs a round trip while there is little to do and none under load. If it does not answer,
 * all that are as old as it are replaced.
 */
final class Pool extends ConnectionPool {

    private static final Duration LIFE = Duration.ofMinutes(30);

    /** Beneath this nothing is gained: what was connected since then has met the same server. */
    private static final long RENEWED_AT_MOST_EVERY_MS = 1_000;

    /** So long after it was used a connection is borrowed unasked. */
    static final Duration SURE_FOR = Duration.ofMillis(500);

    /** How long a connection that is asked may take. */
    private static final Duration ANSWER_WITHIN = Duration.ofMillis(500);

    private final Renewal renewal;

    Pool(ConnectionFactory connections, String name, int size, Duration acquireWithin, Duration connectWithin) {
        this(connections, name, size, acquireWithin, connectWithin, new Renewal());
    }

    private Pool(
            ConnectionFactory connections,
            String name,
            int size,
            Duration acquireWithin,
            Duration connectWithin,
            Renewal renewal) {
        super(ConnectionPoolConfiguration.builder(connections)
                .name(name)
                .initialSize(0)
                .maxSize(size)
                .maxAcquireTime(acquireWithin)
                .maxCreateConnectionTime(connectWithin)
                .postAllocate(renewal::ask)
                .customizer(pool -> pool.evictionPredicate(renewal::isOfNoUse))
                .build());
        this.renewal = renewal;
    }

    /** From now on connections that were made until now are replaced when they are borrowed next, or given back. */
    void renew() {
        renewal.renew();
    }

    private static final class Renewal {

        private volatile long renewedAt;

        /** Between the two questions of one borrower. */
        private final Set<Connection> unsure = ConcurrentHashMap.newKeySet();

        void renew() {
            long now = System.currentTimeMillis();
            if (now - renewedAt >= RENEWED_AT_MOST_EVERY_MS) {
                renewedAt = now;
            }
        }

        /** Asked whenever a connection is about to be borrowed, or is given back. */
        boolean isOfNoUse(Connection connection, PooledRefMetadata life) {
            unsure.remove(connection);
            if (life.lifeTime() >= LIFE.toMillis() || life.allocationTimestamp() <= renewedAt || !isOpen(connection)) {
                return true;
            }
            if (life.idleTime() >= SURE_FOR.toMillis()) {
                unsure.add(connection);
            }
            return false;
        }

        /** Fails if the connection is dead; the pool closes it then, with the question that was cut off, and tries another one. */
        Mono<Void> ask(Connection connection) {
            if (!unsure.remove(connection)) {
                return Mono.empty();
            }
            return Mono.from(connection.validate(ValidationDepth.REMOTE))
                    .timeout(ANSWER_WITHIN, Mono.just(false))
                    .filter(alive -> alive)
                    .switchIfEmpty(Mono.defer(this::isDead))
                    .then();
        }

        private Mono<Boolean> isDead() {
            renew();
            return Mono.error(new R2dbcNonTransientResourceException("The connection is dead"));
        }

        /** The answer is there at once, for nobody is asked. */
        private static boolean isOpen(Connection connection) {
            return Mono.from(connection.validate(ValidationDepth.LOCAL))
                    .toFuture()
                    .getNow(true);
        }
    }
}
