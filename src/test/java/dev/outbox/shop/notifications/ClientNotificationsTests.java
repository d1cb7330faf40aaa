package dev.outbox.shop.notifications;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.mail.autoconfigure.MailSenderAutoConfiguration;
import org.springframework.boot.test.context.ConfigDataApplicationContextInitializer;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.mail.javamail.JavaMailSenderImpl;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** Without a mail server, and how one is configured. The database is one that nobody answers for. */
@ExtendWith(OutputCaptureExtension.class)
class ClientNotificationsTests {

    private static final Event SHIPPED = new Event(7, "order", "12", "order.shipped", Instant.EPOCH, """
            {"orderId": 12, "clientId": 3, "itemIds": [4]}""", null);

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withInitializer(new ConfigDataApplicationContextInitializer())
            .withConfiguration(AutoConfigurations.of(MailSenderAutoConfiguration.class))
            .withBean(
                    "handlers",
                    Database.class,
                    () -> new Database(
                            ConnectionFactories.get("r2dbc:postgresql://postgres:postgres@localhost:1/none"),
                            Duration.ofSeconds(1)))
            .withUserConfiguration(ClientNotifications.class, ClientMail.class, ClientDirectory.class);

    @Test
    void withoutAMailServerOneLineIsAllAndNoDatabaseIsAsked(CapturedOutput output) {
        application.run(context -> {
            assertThat(context).doesNotHaveBean(ClientMail.class);
            StepVerifier.create(context.getBean(Handler.class).handle(SHIPPED).subscribeOn(Schedulers.parallel()))
                    .expectComplete()
                    .verify(Duration.ofSeconds(5));
        });
        assertThat(output.getAll().lines().filter(line -> line.contains("dev.outbox.shop.notifications")))
                .singleElement()
                .asString()
                .contains("INFO")
                .endsWith("event=7 type=order.shipped order=12 client=3 mail=off");
    }

    @Test
    void anEmptyMailServerIsNone() {
        application
                .withPropertyValues("spring.mail.host=")
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(ClientMail.class));
    }

    @Test
    void everyStepWithTheMailServerHasADeadline() {
        application.withPropertyValues("spring.mail.host=localhost").run(context -> {
            assertThat(context).hasSingleBean(ClientMail.class);
            Properties properties = context.getBean(JavaMailSenderImpl.class).getJavaMailProperties();
            assertThat(properties)
                    .containsAllEntriesOf(Map.of(
                            "mail.smtp.connectiontimeout", "5000",
                            "mail.smtp.timeout", "5000",
                            "mail.smtp.writetimeout", "5000"));
        });
    }

    @Test
    void aSenderThatIsNoAddressIsRefusedAtTheStart() {
        application
                .withPropertyValues("spring.mail.host=localhost", "outbox.notifications.from=Shop <shop@>")
                .run(context -> assertThat(context).hasFailed());
    }

    @Test
    void aPayloadThatCannotBeReadIsAnErrorOfTheEvent() {
        Event broken = new Event(8, "order", "12", "order.shipped", Instant.EPOCH, "{}", null);
        application.run(
                context -> StepVerifier.create(context.getBean(Handler.class).handle(broken))
                        .expectErrorMatches(error ->
                                error.getMessage() != null && error.getMessage().contains("clientId"))
                        .verify(Duration.ofSeconds(5)));
    }
}
