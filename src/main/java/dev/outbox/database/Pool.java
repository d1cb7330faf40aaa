package dev.outbox.database;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ValidationDepth;
import java.time.Duration;
import reactor.core.publisher.Mono;
import reactor.pool.PooledRefMetadata;

/**
 * A pool whose every wait is bounded, and which hands out no connection that is known to be of no use: those that the server has closed
 * are replaced while they are being borrowed, however many they are. Knowing that takes no round trip, as the driver reads what the
 * server says also while a connection is idle.
 */
final class Pool extends ConnectionPool {

    private static final Duration LIFE = Duration.ofMinutes(30);

    /** Beneath this nothing is gained: what was connected since then has met the same server. */
    private static final long RENEWED_AT_MOST_EVERY_MS = 1_000;

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

        void renew() {
            long now = System.currentTimeMillis();
            if (now - renewedAt >= RENEWED_AT_MOST_EVERY_MS) {
                renewedAt = now;
            }
        }

        boolean isOfNoUse(Connection connection, PooledRefMetadata life) {
            return life.lifeTime() >= LIFE.toMillis() || life.allocationTimestamp() <= renewedAt || !isOpen(connection);
        }

        /** The answer is there at once, for nobody is asked. */
        private static boolean isOpen(Connection connection) {
            return Mono.from(connection.validate(ValidationDepth.LOCAL))
                    .toFuture()
                    .getNow(true);
        }
    }
}
