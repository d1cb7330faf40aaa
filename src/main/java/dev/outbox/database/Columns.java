package dev.outbox.database;

import static java.util.Objects.requireNonNull;

import io.r2dbc.spi.Readable;

/** Columns of a row, in the types that most have. */
public final class Columns {

    private Columns() {}

    /** The text of a column that is never null. */
    public static String text(Readable row, String column) {
        return requireNonNull(row.get(column, String.class), column);
    }

    /** The number in a column that is never null, up to 64 bits. */
    public static long number(Readable row, String column) {
        return requireNonNull(row.get(column, Long.class), column);
    }

    /** Whether a column is true: not if it is null. */
    public static boolean is(Readable row, String column) {
        return Boolean.TRUE.equals(row.get(column, Boolean.class));
    }
}
