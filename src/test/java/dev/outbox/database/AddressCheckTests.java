package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.OutboxApplication;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.mock.env.MockEnvironment;

class AddressCheckTests {

    private final MockEnvironment environment = new MockEnvironment();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "r2dbc:postgresql://me@db/outbox",
                "r2dbc:postgres://me:secret@db:5433/outbox",
                "r2dbc:pool:postgresql://me@db/outbox",
                "r2dbcs:postgresql://me@db/outbox",
                "r2dbc:postgresql:failover://me@one:5433,two/outbox",
                "r2dbc:pool:postgresql:failover://me@one,two/outbox"
            })
    void thePostgresqlsOfR2dbcAreFine(String url) {
        environment.setProperty("spring.r2dbc.url", url);
        assertThatCode(() -> AddressCheck.check(environment)).doesNotThrowAnyException();
    }

    @Test
    void noAddressIsFine() {
        assertThatCode(() -> AddressCheck.check(environment)).doesNotThrowAnyException();
    }

    @Test
    void theUserMayBeApartFromTheAddress() {
        environment.setProperty("spring.r2dbc.url", "r2dbc:postgresql://db/outbox");
        environment.setProperty("spring.r2dbc.username", "me");
        assertThatCode(() -> AddressCheck.check(environment)).doesNotThrowAnyException();
    }

    @Test
    void aUserThereMustBe() {
        environment.setProperty("spring.r2dbc.url", "r2dbc:postgresql://db/outbox");
        assertThatThrownBy(() -> AddressCheck.check(environment))
                .isInstanceOf(NoDatabaseException.class)
                .hasMessage("spring.r2dbc.url is set, but no user to connect as");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "jdbc:postgresql://me:secret@db/outbox",
                "postgresql://me:secret@db/outbox",
                "r2dbc:mysql://me:secret@db/outbox",
                "r2dbc:pool:mysql://me:secret@db/outbox",
                "r2dbc:postgresql",
                "secret",
                ""
            })
    void anotherAddressIsNotAndIsNotRepeated(String url) {
        environment.setProperty("spring.r2dbc.url", url);
        assertThatThrownBy(() -> AddressCheck.check(environment))
                .isInstanceOfSatisfying(
                        NoDatabaseException.class,
                        failure -> assertThat(failure.action()).contains("r2dbc:postgresql://"))
                .message()
                .doesNotContain("secret");
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void theApplicationSaysItInPlaceOfAStackTrace(CapturedOutput output) {
        assertThatThrownBy(() -> SpringApplication.run(
                        OutboxApplication.class, "--spring.r2dbc.url=r2dbc:postgresql://db/outbox", "--server.port=0"))
                .isInstanceOf(NoDatabaseException.class);
        assertThat(output).contains("APPLICATION FAILED TO START", "Set spring.r2dbc.username");
        assertThat(output.toString()).doesNotContain("\tat ");
    }
}
