package dev.outbox.shop.orders;

import dev.outbox.http.RequestBody;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.springframework.core.io.buffer.DataBuffer;

/** Cuts a stream of bytes into lines. Of a line that is not at its end yet it keeps what fits, and no more. */
final class LineSplitter {

    /** Beyond this many bytes a line is cut off and marked. */
    static final int MOST_BYTES = 16 * 1024;

    /**
     * A line that is not blank.
     *
     * @param number from 1; blank lines count
     * @param text without its end
     */
    record Line(long number, ByteBuffer text, boolean tooLong) {}

    private final ByteArrayOutputStream begun = new ByteArrayOutputStream();
    private boolean tooLong;
    private boolean blank = true;
    private long number;

    /** The lines that end in a buffer, which is released. */
    List<Line> split(DataBuffer buffer) {
        List<Line> lines = new ArrayList<>();
        byte[] bytes = RequestBody.bytes(buffer);
        int start = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                append(bytes, start, i);
                end(lines);
                start = i + 1;
            }
        }
        append(bytes, start, bytes.length);
        return lines;
    }

    /** The last line, if it has no end. */
    List<Line> rest() {
        List<Line> lines = new ArrayList<>();
        end(lines);
        return lines;
    }

    /** Of a body that ends before it should: stands for the line that was begun, which is not known. */
    Line brokenOff() {
        return new Line(number + 1, ByteBuffer.allocate(0), false);
    }

    private void append(byte[] bytes, int from, int to) {
        int room = MOST_BYTES - begun.size();
        tooLong |= to - from > room;
        begun.write(bytes, from, Math.min(to - from, room));
        for (int i = from; blank && i < to; i++) {
            blank = bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r';
        }
    }

    private void end(List<Line> lines) {
        number++;
        if (!blank) {
            lines.add(new Line(number, ByteBuffer.wrap(begun.toByteArray()), tooLong));
        }
        begun.reset();
        tooLong = false;
        blank = true;
    }
}
