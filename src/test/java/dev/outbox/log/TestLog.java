package dev.outbox.log;

import dev.outbox.database.Database;

/** Makes the log for tests of other packages. */
public final class TestLog {

    private TestLog() {}

    public static EventLog eventLog(Database database) {
        return new EventLog(database);
    }

    public static Checkpoints checkpoints(Database database) {
        return new Checkpoints(database);
    }
}
