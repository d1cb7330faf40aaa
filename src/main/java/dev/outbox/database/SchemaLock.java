package dev.outbox.database;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import liquibase.integration.spring.SpringLiquibase;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanPostProcessor;

/**
 * Lets one instance at a time look at the schema and change it. Liquibase has a lock as well, but looks for its tables before it takes
 * it, so that two that start in the same instant on an empty database both make them. Asks again and again instead of waiting in a
 * statement, whose snapshot would hold up others.
 */
final class SchemaLock implements BeanPostProcessor, AutoCloseable {

    private static final long KEY = AdvisoryLocks.SCHEMA;

    private static final long PAUSE_MILLIS = 100;

    private final Duration patience;
    private @Nullable Connection holder;

    SchemaLock(Duration patience) {
        this.patience = patience;
    }

    @Override
    public Object postProcessBeforeInitialization(Object bean, String name) {
        if (bean instanceof SpringLiquibase liquibase) {
            try {
                acquire(liquibase.getDataSource().getConnection());
            } catch (SQLException e) {
                throw new IllegalStateException("The schema could not be locked", e);
            }
        }
        return bean;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String name) {
        if (bean instanceof SpringLiquibase) {
            close();
        }
        return bean;
    }

    /**
     * Returns when the session has the lock, which {@link #close} gives up with the session.
     *
     * @throws NoDatabaseException if the time is up
     */
    void acquire(Connection connection) throws SQLException {
        holder = connection;
        long deadline = System.nanoTime() + patience.toNanos();
        while (!tryLock(connection)) {
            if (System.nanoTime() > deadline) {
                throw new NoDatabaseException(
                        "Another instance has been changing the database's schema for " + patience.toSeconds() + " s",
                        "Wait until it has finished; pg_locks names its session: the advisory lock with objid "
                                + (KEY & 0xffffffffL) + " and objsubid 1.",
                        null);
            }
            pause();
        }
    }

    /** Also when the change of the schema failed. */
    @Override
    public void close() {
        Connection closing = holder;
        holder = null;
        if (closing != null) {
            try {
                closing.close();
            } catch (SQLException e) {
                throw new IllegalStateException("The schema could not be unlocked", e);
            }
        }
    }

    private static boolean tryLock(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select pg_try_advisory_lock(" + KEY + ")")) {
            return rows.next() && rows.getBoolean(1);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while waiting for the schema's lock", e);
        }
    }
}
