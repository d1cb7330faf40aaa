package dev.outbox;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/** Follows the messages of one connection of PostgreSQL's protocol, both ways, and finds its commits. Changes no bytes. */
final class CommitSpotter {

    enum Answer {
        /** No statement has ended. */
        NONE,
        /** CommandComplete of a COMMIT: the server has it. */
        COMMITTED,
        /** A statement ended in another way. */
        OTHER
    }

    private static final int ENCRYPTION_REQUESTS = 80_877_000;
    private static final int KEPT = 1_024;

    private final Messages requests = new Messages(true);
    private final Messages answers = new Messages(false);
    private final Set<String> prepared = new HashSet<>();
    private volatile String name = "";
    private boolean encryptionAsked;

    String name() {
        return name;
    }

    /** Whether these bytes of the program complete a message that commits. */
    boolean isCommit(ByteBuf bytes) {
        boolean[] found = new boolean[1];
        requests.read(bytes, (type, text) -> {
            if (type == 0) {
                begin(text);
            }
            found[0] |= commits(type, text);
        });
        return found[0];
    }

    /** A query that says so, or the execution of a statement that was prepared to. */
    private boolean commits(int type, String text) {
        if (type == 'P') {
            String statement = text.substring(0, text.indexOf('\0'));
            if (text.toUpperCase(Locale.ROOT).startsWith("COMMIT\0", statement.length() + 1)) {
                prepared.add(statement);
            } else {
                prepared.remove(statement);
            }
        }
        if (type == 'B') {
            int statement = text.indexOf('\0') + 1;
            return prepared.contains(text.substring(statement, text.indexOf('\0', statement)));
        }
        return type == 'Q' && text.toUpperCase(Locale.ROOT).startsWith("COMMIT\0");
    }

    /** What these bytes of the server say of the statement that was sent last. */
    Answer answer(ByteBuf bytes) {
        if (encryptionAsked) {
            encryptionAsked = false; // one byte: N
            return Answer.NONE;
        }
        Answer[] found = {Answer.NONE};
        answers.read(bytes, (type, text) -> {
            if (type == 'C' && text.startsWith("COMMIT\0")) {
                found[0] = Answer.COMMITTED;
            } else if (type == 'Z' && found[0] == Answer.NONE) {
                found[0] = Answer.OTHER;
            }
        });
        return found[0];
    }

    private void begin(String text) {
        int code = text.charAt(0) << 24 | text.charAt(1) << 16 | text.charAt(2) << 8 | text.charAt(3);
        if (code > ENCRYPTION_REQUESTS) {
            encryptionAsked = true;
            requests.untyped = true;
            return;
        }
        int at = text.indexOf("application_name\0");
        if (at >= 0) {
            int value = at + "application_name\0".length();
            name = text.substring(value, text.indexOf('\0', value));
        }
    }

    private interface Visitor {
        /**
         * @param type of the message; 0 if it has none
         * @param text its first bytes
         */
        void message(int type, String text);
    }

    /** The messages of one way, which may come in any pieces: a type, a length that counts itself, a body. */
    private static final class Messages {

        private boolean untyped;
        private int type;
        private int lengthBytes;
        private int left;
        private boolean typeRead;
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();

        Messages(boolean untyped) {
            this.untyped = untyped;
        }

        void read(ByteBuf bytes, Visitor visitor) {
            for (int i = bytes.readerIndex(); i < bytes.writerIndex(); ) {
                i += step(bytes, i, visitor);
            }
        }

        private int step(ByteBuf bytes, int i, Visitor visitor) {
            if (!typeRead) {
                type = untyped ? 0 : bytes.getByte(i);
                typeRead = true;
                lengthBytes = 0;
                left = 0;
                return untyped ? 0 : 1;
            }
            if (lengthBytes < 4) {
                left = left << 8 | bytes.getUnsignedByte(i);
                lengthBytes++;
                if (lengthBytes == 4) {
                    left -= 4;
                    endIfComplete(visitor);
                }
                return 1;
            }
            int count = Math.min(left, bytes.writerIndex() - i);
            keep(bytes, i, count);
            left -= count;
            endIfComplete(visitor);
            return count;
        }

        private void keep(ByteBuf bytes, int from, int count) {
            byte[] piece = new byte[Math.min(count, Math.max(0, KEPT - body.size()))];
            bytes.getBytes(from, piece);
            body.write(piece, 0, piece.length);
        }

        private void endIfComplete(Visitor visitor) {
            if (left == 0) {
                String text = body.toString(StandardCharsets.ISO_8859_1);
                body.reset();
                typeRead = false;
                untyped = false;
                visitor.message(type, text);
            }
        }
    }
}
