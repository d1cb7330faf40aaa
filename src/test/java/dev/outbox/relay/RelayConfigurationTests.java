package dev.outbox.relay;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RelayConfigurationTests {

    @Test
    void aNameIsOfOneHandler() {
        assertThatCode(() -> RelayConfiguration.requireNames(Stream.of("mail", "mail-2")))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> RelayConfiguration.requireNames(Stream.of("mail", "mail")))
                .hasMessageContaining("Two handlers are named mail");
    }

    @Test
    void aNameThatAShardCouldHaveIsRefused() {
        assertThatThrownBy(() -> RelayConfiguration.requireNames(Stream.of("mail.1of2")))
                .hasMessageContaining("lower-case letters, digits and hyphens");
    }
}
