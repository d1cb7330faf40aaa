package dev.outbox.database;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import liquibase.database.Database;
import liquibase.database.core.PostgresDatabase;
import liquibase.database.jvm.JdbcConnection;
import liquibase.exception.LockException;
import liquibase.lockservice.DatabaseChangeLogLock;
import liquibase.lockservice.LockService;
import org.jspecify.annotations.Nullable;

/**
 * Lets one instance at a time change the schema, by an advisory lock of its session in place of Liquibase's table. That table
 * stays locked for good when its owner is killed, and who waits for it looks every ten seconds only; this lock ends with the
 * session, and wakes the next at once.
 *
 * <p>Found by Liquibase through {@code META-INF/services}.
 */
public final class SchemaLock implements LockService {

    /** Any number that nothing else locks in this database: "outbox" in ASCII. */
    private static final long KEY = 0x6F7574626F78L;

    private @Nullable Connection session;
    private boolean held;

    @Override
    public boolean supports(Database database) {
        return database instanceof PostgresDatabase && database.getConnection() instanceof JdbcConnection;
    }

    @Override
    public int getPriority() {
        return PRIORITY_DATABASE;
    }

    @Override
    public void setDatabase(Database database) {
        session = ((JdbcConnection) database.getConnection()).getUnderlyingConnection();
    }

    @Override
    public void waitForLock() throws LockException {
        call("select pg_advisory_lock(?)");
        held = true;
    }

    @Override
    public boolean acquireLock() throws LockException {
        waitForLock();
        return true;
    }

    @Override
    public boolean hasChangeLogLock() {
        return held;
    }

    @Override
    public void releaseLock() throws LockException {
        if (held) {
            held = false;
            call("select pg_advisory_unlock(?)");
        }
    }

    @Override
    public void forceReleaseLock() throws LockException {
        releaseLock();
    }

    @Override
    public DatabaseChangeLogLock[] listLocks() {
        return new DatabaseChangeLogLock[0];
    }

    @Override
    public void setChangeLogLockWaitTime(long minutes) {}

    @Override
    public void setChangeLogLockRecheckTime(long seconds) {}

    @Override
    public void init() {}

    @Override
    public void reset() {
        held = false;
    }

    @Override
    public void destroy() {
        reset();
    }

    private void call(String sql) throws LockException {
        if (session == null) {
            throw new LockException("No database to lock");
        }
        try (PreparedStatement statement = session.prepareStatement(sql)) {
            statement.setLong(1, KEY);
            statement.execute();
        } catch (SQLException e) {
            throw new LockException(e);
        }
    }
}
