package dev.outbox.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import org.junit.jupiter.api.Test;

class WantedTests {

    @Test
    void aHandlerThatIsNotSplitHasOneSubscriptionOfItsName() {
        assertThat(Wanted.ALL.names("mail")).containsExactly("mail");
    }

    @Test
    void theNamesOfItsShardsAreInOrderAndNoHandlersName() {
        assertThat(new Wanted(Set.of(), 2, 3).names("mail"))
                .containsExactly("mail.1-of-3", "mail.2-of-3", "mail.3-of-3");
        assertThat(new Wanted(Set.of(), 1, 12).names("mail"))
                .startsWith("mail.01-of-12")
                .endsWith("mail.12-of-12")
                .isSorted();
    }

    @Test
    void aNumberThatMakesNoSenseIsRefused() {
        assertThatThrownBy(() -> new Wanted(Set.of(), 1, 0)).hasMessageContaining("1 to 64");
        assertThatThrownBy(() -> new Wanted(Set.of(), 1, 65)).hasMessageContaining("1 to 64");
        assertThatThrownBy(() -> new Wanted(Set.of(), 3, 2)).hasMessageContaining("1 to 64");
    }
}
