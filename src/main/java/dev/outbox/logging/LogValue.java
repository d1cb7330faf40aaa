package dev.outbox.logging;

import org.jspecify.annotations.Nullable;

/** Text of others as a value in a log line: whatever it says, it ends neither its value nor the line. */
public final class LogValue {

    private static final int DEEPEST = 8;

    private LogValue() {}

    /**
     * For between quotes, as in {@code error="…"}: quotes and backslashes have a backslash before them; control characters, ends of lines,
     * halves of pairs and what changes the direction of writing are told by their number, as JSON does.
     */
    public static String quoted(@Nullable Object value) {
        String text = String.valueOf(value);
        if (text.codePoints().noneMatch(LogValue::isEscaped)) {
            return text;
        }
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(point -> append(escaped, point));
        return escaped.toString();
    }

    /** For a value that mostly is one word, as in {@code key=17}: with quotes around it if it is not. */
    public static String word(@Nullable Object value) {
        String text = String.valueOf(value);
        return !text.isEmpty() && text.codePoints().noneMatch(point -> isEscaped(point) || isSeparator(point))
                ? text
                : '"' + quoted(text) + '"';
    }

    /**
     * For the place of an error that is logged with its stack: the same stack, with the texts of the error, its causes and what it
     * suppressed escaped as in {@link #quoted}.
     */
    public static Throwable stack(Throwable error) {
        return new Stack(error, DEEPEST);
    }

    private static void append(StringBuilder escaped, int point) {
        if (!isEscaped(point)) {
            escaped.appendCodePoint(point);
        } else if (point == '"' || point == '\\') {
            escaped.append('\\').appendCodePoint(point);
        } else if (point == '\n') {
            escaped.append("\\n");
        } else {
            for (char unit : Character.toChars(point)) {
                escaped.append("\\u%04x".formatted((int) unit));
            }
        }
    }

    private static boolean isEscaped(int point) {
        return point == '"'
                || point == '\\'
                || switch (Character.getType(point)) {
                    case Character.CONTROL,
                            Character.FORMAT,
                            Character.SURROGATE,
                            Character.LINE_SEPARATOR,
                            Character.PARAGRAPH_SEPARATOR -> true;
                    default -> false;
                };
    }

    private static boolean isSeparator(int point) {
        return Character.isSpaceChar(point) || point == '=';
    }

    /** An error as it may be logged. What is deeper than anybody reads is left out, so that a circle ends. */
    private static final class Stack extends Throwable {

        Stack(Throwable error, int depth) {
            super(text(error), cause(error, depth), true, true);
            setStackTrace(error.getStackTrace());
            for (Throwable suppressed : depth > 0 ? error.getSuppressed() : new Throwable[0]) {
                addSuppressed(new Stack(suppressed, depth - 1));
            }
        }

        /** An error of others may say anything, and fail at that. */
        private static String text(Throwable error) {
            try {
                return quoted(error);
            } catch (RuntimeException unspeakable) {
                return error.getClass().getName();
            }
        }

        private static @Nullable Throwable cause(Throwable error, int depth) {
            Throwable cause = error.getCause();
            return cause == null || depth == 0 ? null : new Stack(cause, depth - 1);
        }
    }
}
