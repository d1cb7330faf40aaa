package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.r2dbc.spi.ConnectionFactoryOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JdbcAddressTests {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            r2dbc:postgresql://db/outbox                           | jdbc:postgresql://db:5432/outbox?currentSchema=public
            r2dbc:pool:postgresql://db:5433/outbox                 | jdbc:postgresql://db:5433/outbox?currentSchema=public
            r2dbc:postgresql://[::1]:5433/outbox                   | jdbc:postgresql://[::1]:5433/outbox?currentSchema=public
            r2dbc:postgresql://db/two%20words                      | jdbc:postgresql://db:5432/two%20words?currentSchema=public
            r2dbc:postgresql://db/outbox?sslMode=require           | jdbc:postgresql://db:5432/outbox?currentSchema=public&sslmode=require
            r2dbc:postgresql://db/outbox?sslmode=disable           | jdbc:postgresql://db:5432/outbox?currentSchema=public&sslmode=disable
            r2dbc:postgresql://db/o?sslMode=verify-ca&sslRootCert=/ca.pem | jdbc:postgresql://db:5432/o?currentSchema=public&sslmode=verify-ca&sslrootcert=%2Fca.pem
            r2dbcs:postgresql://db/o                               | jdbc:postgresql://db:5432/o?currentSchema=public&sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory
            r2dbc:postgresql://db/outbox?schema=shop               | jdbc:postgresql://db:5432/outbox?currentSchema=shop
            r2dbc:postgresql:failover://one:5433,two/outbox        | jdbc:postgresql://one:5433,two:5432/outbox?targetServerType=primary&currentSchema=public
            """)
    void theAddressIsTheSameInTheOtherDriversWords(String r2dbc, String jdbc) {
        assertThat(JdbcAddress.of(ConnectionFactoryOptions.parse(r2dbc)).getJdbcUrl())
                .isEqualTo(jdbc);
    }

    @Test
    void userAndPasswordAreApartFromTheAddress() {
        JdbcAddress address = JdbcAddress.of(ConnectionFactoryOptions.parse("r2dbc:postgresql://me:pa%26ss@db/outbox"));
        assertThat(address.getUsername()).isEqualTo("me");
        assertThat(address.getPassword()).isEqualTo("pa&ss");
        assertThat(address.getJdbcUrl()).isEqualTo("jdbc:postgresql://db:5432/outbox?currentSchema=public");
    }

    @Test
    void secretsAreNotShown() {
        JdbcAddress address =
                JdbcAddress.of(ConnectionFactoryOptions.parse("r2dbc:postgresql://me:secret@db/o?sslPassword=secret"));
        assertThat(address).hasToString("jdbc:postgresql://db:5432/o");
    }

    @Test
    void aUnixSocketNeedsAnAddressOfLiquibasesOwn() {
        assertThatThrownBy(() -> JdbcAddress.of(
                        ConnectionFactoryOptions.parse("r2dbc:postgresql:///outbox?socket=/tmp/.s.PGSQL")))
                .hasMessageContaining("spring.liquibase.url");
    }
}
