package dev.outbox.logging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class LogValueTests {

    @Test
    void anOrdinaryTextStaysAsItIs() {
        assertThat(LogValue.quoted("java.lang.IllegalStateException: größer als 😀"))
                .isEqualTo("java.lang.IllegalStateException: größer als 😀");
        assertThat(LogValue.word("order-17")).isEqualTo("order-17");
    }

    @Test
    void aTextCanNotEndItsValue() {
        assertThat(LogValue.quoted("a\" level=\"INFO")).isEqualTo("a\\\" level=\\\"INFO");
        assertThat(LogValue.quoted("a\\\"")).isEqualTo("a\\\\\\\"");
        assertThat(LogValue.word("17 subscription=other")).isEqualTo("\"17 subscription=other\"");
        assertThat(LogValue.word("17\"")).isEqualTo("\"17\\\"\"");
    }

    @Test
    void aTextCanNotEndTheLineNorCommandTheTerminal() {
        assertThat(LogValue.quoted("a\n12:00 INFO forged")).isEqualTo("a\\n12:00 INFO forged");
        assertThat(LogValue.quoted("a\r\u001b[2J\u0000\u0085\u2028\u202eb"))
                .isEqualTo("a\\u000d\\u001b[2J\\u0000\\u0085\\u2028\\u202eb");
        assertThat(LogValue.quoted("a\ud83d")).isEqualTo("a\\ud83d");
    }

    @Test
    void whatIsNotThereIsSaid() {
        assertThat(LogValue.quoted(null)).isEqualTo("null");
        assertThat(LogValue.word("")).isEqualTo("\"\"");
    }

    @Test
    void aStackKeepsItsPlacesAndItsTextsCanNotEndTheLine() {
        Throwable error =
                new IllegalStateException("a\n12:00 INFO forged", new IllegalArgumentException("b\r\u001b[2J"));
        error.addSuppressed(new IllegalArgumentException("c\nd"));
        StringWriter printed = new StringWriter();
        LogValue.stack(error).printStackTrace(new PrintWriter(printed, true));
        assertThat(printed.toString())
                .contains("java.lang.IllegalStateException: a\\n12:00 INFO forged")
                .contains("java.lang.IllegalArgumentException: b\\u000d\\u001b[2J")
                .contains("java.lang.IllegalArgumentException: c\\nd")
                .contains("at dev.outbox.logging.LogValueTests.aStackKeeps")
                .doesNotContain("\u001b", "\n12:00", "\nd");
    }

    @Test
    void aStackThatIsACircleOrFailsToSpeakIsLoggedToo() {
        Throwable error = new IllegalStateException("first");
        error.initCause(new IllegalStateException("second", error));
        assertThat(LogValue.stack(error)).hasMessageContaining("first");
        assertThat(LogValue.stack(new Unspeakable())).hasMessage(Unspeakable.class.getName());
    }

    private static final class Unspeakable extends RuntimeException {

        @Override
        public String getMessage() {
            throw new IllegalStateException();
        }
    }
}
