package dev.outbox.shop.orders;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.core.io.buffer.DefaultDataBufferFactory;

class LineSplitterTests {

    private final LineSplitter splitter = new LineSplitter();

    @Test
    void linesAreCutWhereverTheBuffersEnd() {
        String text = "one\r\n\ntwo\n  \nthrée";
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int size = 1; size <= bytes.length; size++) {
            List<String> lines = new ArrayList<>();
            LineSplitter pieces = new LineSplitter();
            for (int from = 0; from < bytes.length; from += size) {
                byte[] piece = Arrays.copyOfRange(bytes, from, Math.min(from + size, bytes.length));
                pieces.split(DefaultDataBufferFactory.sharedInstance.wrap(piece))
                        .forEach(line -> lines.add(text(line)));
            }
            pieces.rest().forEach(line -> lines.add(text(line)));
            assertThat(lines).containsExactly("1 one", "3 two", "5 thrée");
        }
    }

    @Test
    void aLineThatHasEndedIsThereAtOnce() {
        assertThat(split("a\nb")).extracting(LineSplitterTests::text).containsExactly("1 a");
        assertThat(split("c\n")).extracting(LineSplitterTests::text).containsExactly("2 bc");
        assertThat(splitter.rest()).isEmpty();
    }

    @Test
    void ofALineThatIsTooLongOnlyTheBeginningIsKept() {
        for (int i = 0; i < 100; i++) {
            assertThat(split("x".repeat(1000))).isEmpty();
        }
        LineSplitter.Line line = split("\n").get(0);
        assertThat(line.tooLong()).isTrue();
        assertThat(line.text().remaining()).isEqualTo(LineSplitter.MOST_BYTES);
        assertThat(split("y".repeat(LineSplitter.MOST_BYTES) + "\n").get(0).tooLong())
                .isFalse();
    }

    private List<LineSplitter.Line> split(String text) {
        return splitter.split(DefaultDataBufferFactory.sharedInstance.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static String text(LineSplitter.Line line) {
        return line.number() + " "
                + StandardCharsets.UTF_8.decode(line.text()).toString().strip();
    }
}
