package dev.outbox.shop.orders;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outbox.problems.Problem;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VersionsTests {

    @Test
    void withoutAHeaderOrWithAStarAnyVersionWillDo() {
        assertThat(Versions.ifMatch(List.of())).isEqualTo(Versions.ANY);
        assertThat(Versions.ifMatch(List.of(" * "))).isEqualTo(Versions.ANY);
    }

    @Test
    void strongTagsAreVersions() {
        assertThat(Versions.ifMatch(List.of("\"3\"")).list()).isEqualTo("3");
        assertThat(Versions.ifMatch(List.of("\"3\" , \"4\"", ",\"15\"")).list()).isEqualTo("3,4,15");
    }

    @Test
    void weakTagsAndTagsOfOthersMatchNothing() {
        assertThat(Versions.ifMatch(List.of("W/\"3\"")).list()).isEmpty();
        assertThat(Versions.ifMatch(List.of("\"\", \"03\", \"a,b\", \"-1\"")).list())
                .isEmpty();
        assertThat(Versions.ifMatch(List.of("\"x\",\"2\"")).list()).isEqualTo("2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ",", "3", "\"3", "\"3\" \"4\"", "*, \"3\"", "w/\"3\"", "\"3\", x", "\"3\"x"})
    void whatIsNoListOfTagsIsRefused(String header) {
        assertThatThrownBy(() -> Versions.ifMatch(List.of(header)))
                .isInstanceOf(Problem.class)
                .hasMessageContaining("If-Match");
    }
}
