package dev.outbox.database;

import java.io.OutputStream;
import java.nio.file.Path;

/** A process that uses the embedded database of a directory until its input ends. */
final class EmbeddedDatabaseHolder {

    private EmbeddedDatabaseHolder() {}

    /** Says its port when the database answers. */
    public static void main(String[] arguments) throws Exception {
        try (EmbeddedDatabase database = EmbeddedDatabase.open(Path.of(arguments[0]))) {
            System.out.println("port " + database.port());
            System.in.transferTo(OutputStream.nullOutputStream());
        }
    }
}
